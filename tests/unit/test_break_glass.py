"""Break glass: an incident is named, time is bounded, the record is loud; it replaces a second person, never a deny."""

from __future__ import annotations

from pathlib import Path

import pytest

from crashcart.ops.audit import read
from crashcart.ops.protocol import ConfirmRequest, Finished, Refused
from tests.unit.runner_desk import POLICY, Desk
from tests.unit.small_cluster import SmallCluster, node

GLASS = POLICY.replace('risk = "high"', 'risk = "critical"') + (
    '[[freeze]]\nname = "close"\nfrom = 2023-11-01T00:00:00Z\nto = 2023-12-01T00:00:00Z\nverbs = ["reboot"]\n'
    '[breakglass]\nroles = ["oncall"]\nverbs = ["reboot"]\nminutes = 60\n'
)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(SmallCluster(nodes=[node("gpu001"), node("gpu002"), node("login1")]), tmp_path, GLASS)


async def test_it_replaces_freeze_and_second_person_and_is_on_record_as_that(desk: Desk) -> None:
    assert (await desk.is_refused("reboot", "gpu001", reason="x")).why.startswith("freeze: close refuses reboot")

    plan = await desk.previews("reboot", "gpu001", reason="x", incident="INC-1")

    assert plan.break_glass == "INC-1"
    assert plan.warnings[0].startswith("BREAK GLASS for INC-1")
    assert plan.confirmation.expect == "BREAK GLASS INC-1"
    by_name = await desk.runner.confirm(ConfirmRequest(plan.plan_id, "gpu001"))
    assert isinstance(by_name, Refused)
    assert isinstance(await desk.confirms(plan), Finished)
    records = {record["phase"]: record for record in read(desk.audit_file)}
    assert records["BREAK GLASS"]["incident"] == "INC-1"
    assert records["intent"]["break_glass"] == "INC-1"


async def test_a_deny_is_never_broken(desk: Desk) -> None:
    refused = await desk.is_refused("reboot", "login1", reason="x", incident="INC-1")

    assert refused.why == "deny: role oncall forbids reboot on login1 (*/*/login*)"


async def test_other_verbs_and_other_roles_break_nothing(desk: Desk, tmp_path: Path) -> None:
    assert (await desk.is_refused("drain", "gpu001", reason="x", incident="INC-1")).why == "break glass: not for drain"
    nobody = Desk(desk.cluster, tmp_path, GLASS.replace('roles = ["oncall"]', "roles = []"))
    refused = await nobody.is_refused("reboot", "gpu001", reason="x", incident="INC-1")
    assert refused.why == "break glass: only for nobody"
    without = Desk(desk.cluster, tmp_path)
    refused = await without.is_refused("reboot", "gpu001", reason="x", incident="INC-1")
    assert refused.why == "break glass: this policy has no [breakglass]"


async def test_its_time_runs_from_its_first_use_under_an_incident(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crashcart.ops.audit.time.time", desk.clock.now)
    await desk.confirms(await desk.previews("reboot", "gpu001", reason="x", incident="INC-1"))

    desk.clock.seconds += 59 * 60
    assert (await desk.previews("reboot", "gpu002", reason="x", incident="INC-1")).break_glass
    desk.clock.seconds += 120
    refused = await desk.is_refused("reboot", "gpu002", reason="x", incident="INC-1")
    assert refused.why == "break glass: the 60 minutes of INC-1 are over"
    assert (await desk.previews("reboot", "gpu002", reason="x", incident="INC-2")).break_glass


@pytest.mark.parametrize("incident", ["", "x" * 80, "INC 1", "INC-1\n", "\x1b[2J", "$(id)"])
async def test_what_is_no_incident_id_is_refused(desk: Desk, incident: str) -> None:
    refused = await desk.is_refused("reboot", "gpu001", reason="x", incident=incident)

    assert refused.code == "usage"
