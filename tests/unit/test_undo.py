"""Undo: the last thing one did is taken back through the same preview, and never more than was changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from crashcart.ops.protocol import Finished, Plan, Planned, Refused, UndoRequest
from tests.unit.runner_desk import Desk
from tests.unit.small_alerts import SmallAlerts, alert
from tests.unit.small_cluster import SmallCluster, job, node
from tests.unit.test_action_silence import AlertDesk


@pytest.fixture
def cluster() -> SmallCluster:
    return SmallCluster(
        nodes=[node(f"gpu{number:03}") for number in range(1, 21)]
        + [node("gpu030", "IDLE", "DRAIN", reason="NHC: ib0 down; see INC-7")],
        jobs=[job("41", nodes="gpu[001-002]"), job("42", "PENDING")],
    )


@pytest.fixture
def desk(cluster: SmallCluster, tmp_path: Path) -> Desk:
    return Desk(cluster, tmp_path)


@pytest.fixture
def silencing(cluster: SmallCluster, tmp_path: Path) -> AlertDesk:
    alerts = SmallAlerts(alert("GpuXidError", "aaaa0001", "critical", Hostname="gpu001", gpu="3"))
    return AlertDesk(cluster, alerts, tmp_path)


async def asks_back(desk: Desk, action_id: str = "") -> Planned | Refused:
    return await desk.runner.undo(UndoRequest("u1", action_id))


async def sees_back(desk: Desk, action_id: str = "") -> Plan:
    answer = await asks_back(desk, action_id)
    assert isinstance(answer, Planned), answer
    return answer.plan


async def test_a_drain_is_taken_back_where_the_node_was_in_service(desk: Desk) -> None:
    plan = await desk.previews("drain", "gpu001", reason="INC-1")
    await desk.confirms(plan)

    back = await sees_back(desk)

    assert (back.verb, back.undoes, [target.target for target in back.targets]) == ("resume", plan.plan_id, ["gpu001"])
    assert isinstance(await desk.confirms(back), Finished)
    assert desk.cluster.nodes["gpu001"].flags == ()


async def test_a_node_that_was_out_of_service_before_stays_so(desk: Desk) -> None:
    plan = await desk.previews("drain", "gpu001", "gpu030", reason="INC-1")
    assert isinstance(await desk.confirms(plan), Finished)

    back = await sees_back(desk)

    assert [target.target for target in back.targets] == ["gpu001"]


async def test_a_resume_is_taken_back_with_the_old_reason(desk: Desk) -> None:
    await desk.confirms(await desk.previews("resume", "gpu030"))
    assert desk.cluster.nodes["gpu030"].flags == ()

    back = await sees_back(desk)

    assert (back.verb, back.reason) == ("drain", "NHC: ib0 down see INC-7")
    await desk.confirms(back)
    assert desk.cluster.nodes["gpu030"].reason == "crashcart:alice NHC: ib0 down see INC-7"


async def test_hold_and_release_take_each_other_back(desk: Desk) -> None:
    await desk.does("hold", "42")

    back = await sees_back(desk)

    assert (back.verb, [target.target for target in back.targets]) == ("release", ["42"])


async def test_undo_again_goes_further_back_and_not_to_and_fro(desk: Desk) -> None:
    first = await desk.previews("drain", "gpu001", reason="one")
    await desk.confirms(first)
    await desk.does("drain", "gpu002", reason="two")
    await desk.confirms(await sees_back(desk))

    again = await sees_back(desk)

    assert again.undoes == first.plan_id
    await desk.confirms(again)
    refused = await asks_back(desk)
    assert isinstance(refused, Refused)
    assert refused.why == "nothing that you did within a day can be taken back"


async def test_what_has_no_inverse_is_said(desk: Desk) -> None:
    await desk.does("cancel", "41")

    refused = await asks_back(desk)

    assert isinstance(refused, Refused)
    assert refused.why.endswith("the last one, cancel 41, cannot be: cancel cannot be taken back")


async def test_what_somebody_else_did_is_not_taken_back(desk: Desk, cluster: SmallCluster, tmp_path: Path) -> None:
    plan = await desk.previews("drain", "gpu001", reason="x")
    await desk.confirms(plan)
    other = Desk(cluster, tmp_path, user="bob")

    refused = await asks_back(other, plan.plan_id)

    assert isinstance(refused, Refused)
    assert refused.why == "that was alice, and not you"


@pytest.mark.parametrize("name", ["", "zz", "../../etc", "abcdef0123"])
async def test_an_id_that_names_nothing_is_said(desk: Desk, name: str) -> None:
    assert isinstance(await asks_back(desk, name), Refused)


async def test_what_failed_is_not_offered(desk: Desk, cluster: SmallCluster) -> None:
    cluster.faults["gpu001"] = ["refused"] * 4
    plan = await desk.previews("drain", "gpu001", reason="x")
    await desk.confirms(plan)

    refused = await asks_back(desk)
    named = await asks_back(desk, plan.plan_id[:8])

    assert isinstance(refused, Refused)
    assert isinstance(named, Refused)
    assert "only what was verified can be taken back" in named.why


async def test_a_silence_is_taken_back_by_its_mark(silencing: AlertDesk) -> None:
    await silencing.silences("alert", "aaaa0001", duration="2h")

    back = await sees_back(silencing)

    assert (back.verb, [target.target for target in back.targets]) == ("expire-silence", ["silence-1"])
    await silencing.confirms(back)
    assert silencing.alerts.silences["silence-1"].state == "expired"


async def test_an_expired_silence_comes_anew_with_its_matchers_for_the_rest_of_its_time(silencing: AlertDesk) -> None:
    await silencing.silences("node", "gpu001", duration="2h")
    before = next(iter(silencing.alerts.silences.values()))
    await silencing.confirms(await silencing.sees("silence", "expire-silence", before.id))

    back = await sees_back(silencing)

    assert (back.verb, back.kind) == ("silence", "silence")
    ended = await silencing.confirms(back)
    assert isinstance(ended, Finished)
    assert ended.state == "VERIFIED", ended
    after = list(silencing.alerts.silences.values())[-1]
    assert after.id != before.id
    assert after.matchers == before.matchers
    assert abs(after.ends - before.ends) <= 60


async def test_an_extension_is_taken_back_to_the_old_end(silencing: AlertDesk) -> None:
    await silencing.silences("alert", "aaaa0001", duration="2h")
    old = silencing.alerts.silences["silence-1"].ends
    plan = await silencing.sees("silence", "extend-silence", "silence-1", duration="8h", reason="still swapping")
    await silencing.confirms(plan)
    assert silencing.alerts.silences["silence-1"].ends > old

    back = await sees_back(silencing)

    assert back.verb == "extend-silence"
    await silencing.confirms(back)
    assert abs(silencing.alerts.silences["silence-1"].ends - old) <= 60
