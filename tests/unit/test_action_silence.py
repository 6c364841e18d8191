"""Silence, extend, expire: previewed with the alerts they concern, capped, proved by what Alertmanager says after."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from crashcart.backends.model import Matcher
from crashcart.ops.audit import AuditLog, read
from crashcart.ops.protocol import Finished, Plan, Planned, PlanRequest, Refused
from crashcart.ops.verbs import TargetKind
from tests.unit.runner_desk import POLICY, Desk
from tests.unit.small_alerts import SmallAlerts, alert
from tests.unit.small_cluster import NOW, SmallCluster, job, node

HOUR = 3600.0
CHAIN = ("seq", "ts", "prev", "h", "phase")


class AlertDesk(Desk):
    """A desk whose cluster has an Alertmanager too."""

    def __init__(self, cluster: SmallCluster, alerts: SmallAlerts, folder: Path, policy: str = POLICY) -> None:
        super().__init__(cluster, folder, policy)
        self.alerts = alerts
        self.powers = [cluster, alerts]

    async def on(self, kind: TargetKind, verb: str, *targets: str, **params: str) -> Planned | Refused:
        return await self.runner.plan(PlanRequest("r1", "small", verb, targets, params, kind))

    async def sees(self, kind: TargetKind, verb: str, *targets: str, **params: str) -> Plan:
        answer = await self.on(kind, verb, *targets, **params)
        assert isinstance(answer, Planned), answer
        return answer.plan

    async def silences(self, kind: TargetKind, *targets: str, **params: str) -> Finished:
        plan = await self.sees(kind, "silence", *targets, **{"reason": "swapping the GPU", **params})
        ended = await self.confirms(plan)
        assert isinstance(ended, Finished), ended
        return ended


@pytest.fixture
def alerts() -> SmallAlerts:
    return SmallAlerts(
        alert("GpuXidError", "aaaa0001", "critical", Hostname="gpu001", gpu="3", rack="r1"),
        alert("GpuTempHigh", "aaaa0002", Hostname="gpu001", gpu="4", rack="r1"),
        alert("ExporterDown", "aaaa0003", instance="gpu002:9400", rack="r1"),
        alert("NcclHang", "aaaa0004", job_id="41", rack="r2", Hostname="gpu003"),
        alert("Watchdog", "aaaa0005", "none"),
    )


@pytest.fixture
def desk(alerts: SmallAlerts, tmp_path: Path) -> AlertDesk:
    nodes = [
        replace(node("gpu001"), rack="r1"),
        replace(node("gpu002"), rack="r1"),
        replace(node("gpu003"), rack="r2"),
    ]
    return AlertDesk(SmallCluster(nodes=nodes, jobs=[replace(job("41"), node_list="gpu003")]), alerts, tmp_path)


def quiet(alerts: SmallAlerts) -> set[str]:
    return {one.name for one in map(alerts._seen, alerts.alerts) if one.state == "silenced"}


async def test_an_alert_is_silenced_by_all_its_labels_and_read_back(desk: AlertDesk) -> None:
    ended = await desk.silences("alert", "aaaa0001", duration="4h", ticket="INC-43")

    assert ended.state == "VERIFIED"
    assert ended.results[0].seen == "silence silence-1: 1 alert quiet"
    (silence,) = desk.alerts.silences.values()
    assert {str(matcher) for matcher in silence.matchers} == {
        'alertname="GpuXidError"', 'severity="critical"', 'Hostname="gpu001"', 'gpu="3"', 'rack="r1"',
    }  # fmt: skip
    assert (silence.created_by, silence.starts, silence.ends) == ("crashcart:alice", NOW, NOW + 4 * HOUR)
    assert silence.comment.startswith("swapping the GPU (INC-43) #")
    assert quiet(desk.alerts) == {"GpuXidError"}


async def test_the_preview_names_the_alerts_and_what_nobody_will_be_paged_for(desk: AlertDesk) -> None:
    plan = await desk.sees("node", "silence", "gpu001", reason="swapping the GPU")

    (target,) = plan.targets
    assert plan.title == "Silence gpu001"
    assert target.state == "2 firing, 0 quiet already"
    assert [note for note in target.notes if note.startswith("matches")] == [
        "matches GpuTempHigh (warning, firing): Hostname=gpu001, gpu=4, rack=r1",
        "matches GpuXidError (critical, firing): Hostname=gpu001, gpu=3, rack=r1",
    ]
    assert target.warnings == ("1 of them is critical: nobody will be paged for it",)
    assert desk.alerts.applied == []


async def test_a_node_is_silenced_under_every_label_that_names_nodes(desk: AlertDesk) -> None:
    await desk.silences("node", "gpu002")

    found = {str(silence.matchers[0]) for silence in desk.alerts.silences.values()}
    assert found == {'Hostname=~"gpu002([.].*)?(:[0-9]+)?"', 'instance=~"gpu002([.].*)?(:[0-9]+)?"'}
    assert quiet(desk.alerts) == {"ExporterDown"}


async def test_a_node_whose_name_begins_like_anothers_is_left_alone(desk: AlertDesk) -> None:
    desk.alerts.alerts.append(alert("GpuTempHigh", "aaaa0006", Hostname="gpu0011"))

    await desk.silences("node", "gpu001")

    assert {one.fingerprint for one in map(desk.alerts._seen, desk.alerts.alerts) if one.silenced_by} == {
        "aaaa0001", "aaaa0002",
    }  # fmt: skip


async def test_a_rack_is_one_matcher_where_every_alert_says_its_rack(desk: AlertDesk) -> None:
    await desk.silences("rack", "r1")

    assert [str(silence.matchers[0]) for silence in desk.alerts.silences.values()] == ['rack="r1"']
    assert quiet(desk.alerts) == {"GpuXidError", "GpuTempHigh", "ExporterDown"}


async def test_a_rack_is_its_nodes_where_an_alert_does_not_say(desk: AlertDesk) -> None:
    desk.alerts.alerts.append(alert("NodeDown", "aaaa0007", instance="gpu001:9100"))

    await desk.silences("rack", "r1")

    assert quiet(desk.alerts) == {"GpuXidError", "GpuTempHigh", "ExporterDown", "NodeDown"}
    assert any("(gpu001|gpu002)" in str(silence.matchers[0]) for silence in desk.alerts.silences.values())


async def test_a_job_is_its_label_and_its_nodes(desk: AlertDesk) -> None:
    desk.alerts.alerts.append(alert("GpuTempHigh", "aaaa0008", Hostname="gpu003"))

    await desk.silences("job", "41")

    assert quiet(desk.alerts) == {"NcclHang", "GpuTempHigh"}


async def test_the_dead_man_alert_is_warned_of(desk: AlertDesk) -> None:
    plan = await desk.sees("alert", "silence", "aaaa0005", reason="noise")

    assert plan.targets[0].warnings == ("Watchdog may be the dead-man alert that proves that alerts reach you",)


@pytest.mark.parametrize(
    ("params", "why"),
    [
        ({}, "a reason is needed"),
        ({"reason": "x", "duration": "soon"}, "not a duration"),
        ({"reason": "x", "duration": "0h"}, "longer than no time"),
        ({"reason": "x", "until": "99999999999"}, "worked out from duration"),
        ({"reason": "a=b"}, "reason"),
    ],
)
async def test_what_makes_no_silence_is_refused(desk: AlertDesk, params: dict[str, str], why: str) -> None:
    answer = await desk.on("alert", "silence", "aaaa0001", **params)

    assert isinstance(answer, Refused)
    assert answer.code == "usage"
    assert why in answer.why


async def test_the_policy_caps_how_long_it_may_be(desk: AlertDesk) -> None:
    answer = await desk.on("alert", "silence", "aaaa0001", reason="long", duration="25h")

    assert isinstance(answer, Refused)
    assert (answer.code, desk.alerts.applied) == ("policy", [])
    assert "max_silence_hours: 25 hours are more than 24" in answer.why


async def test_scopes_hold_for_the_node_that_an_alert_is_about(desk: AlertDesk, alerts: SmallAlerts) -> None:
    alerts.alerts.append(alert("DiskFull", "aaaa0009", instance="login01:9100"))

    answer = await desk.on("alert", "silence", "aaaa0009", reason="noise")

    assert isinstance(answer, Refused)
    assert "forbids silence on aaaa0009" in answer.why


async def test_an_alert_can_be_silenced_while_the_scheduler_is_dead(desk: AlertDesk) -> None:
    desk.cluster.is_cut = True

    assert (await desk.silences("alert", "aaaa0001")).state == "VERIFIED"
    answer = await desk.on("node", "silence", "gpu001", reason="x")
    assert isinstance(answer, Refused)
    assert answer.code == "unreachable"


async def test_a_cluster_without_alertmanager_says_what_to_configure(desk: AlertDesk) -> None:
    desk.powers.pop()

    answer = await desk.on("alert", "silence", "aaaa0001", reason="x")

    assert isinstance(answer, Refused)
    assert answer.why == "small has no Alertmanager: add [cluster.small.alertmanager]"


async def test_a_lost_answer_is_found_out_by_the_mark_in_the_comment(desk: AlertDesk) -> None:
    desk.alerts.fault = "lost-after"

    ended = await desk.silences("alert", "aaaa0001")

    assert (ended.state, len(desk.alerts.applied)) == ("VERIFIED", 1)


async def test_a_lost_request_is_unknown_and_not_sent_twice(desk: AlertDesk) -> None:
    desk.alerts.fault = "lost-before"

    ended = await desk.silences("alert", "aaaa0001")

    assert (ended.state, len(desk.alerts.applied)) == ("UNKNOWN", 1)


async def test_a_silence_that_another_member_does_not_have_is_not_verified(desk: AlertDesk) -> None:
    desk.alerts.other_member_pages = True

    ended = await desk.silences("alert", "aaaa0001")

    assert ended.state == "FAILED"
    assert "GpuXidError still notifies through another Alertmanager" in ended.results[0].detail


async def test_a_refusal_of_alertmanager_is_failed_in_its_words(desk: AlertDesk) -> None:
    desk.alerts.fault = "refused"

    ended = await desk.silences("alert", "aaaa0001")

    assert ended.state == "FAILED"
    assert "comment in body is required" in ended.results[0].detail


async def test_extending_moves_the_end_under_the_same_id(desk: AlertDesk) -> None:
    desk.alerts.add("silence-9", Matcher("alertname", "GpuXidError"))

    ended = await desk.does("extend-silence", "silence-9", reason="part is late", duration="8h")

    assert ended.state == "VERIFIED"
    silence = desk.alerts.silences["silence-9"]
    assert silence.ends == NOW + 8 * HOUR
    assert silence.comment == "planned work; extended by crashcart:alice: part is late"


async def test_somebody_elses_silence_needs_the_second_line(desk: AlertDesk) -> None:
    desk.alerts.add("silence-9", Matcher("alertname", "GpuXidError"), author="anna")

    plan = await desk.sees("silence", "expire-silence", "silence-9")

    assert plan.targets[0].held_by == "anna"
    assert plan.confirmation.foreign == "override"
    assert "will notify again: GpuXidError (critical, silenced)" in plan.targets[0].notes[1]
    assert (await desk.confirms(plan)).state == "VERIFIED"  # type: ignore[union-attr]
    assert desk.alerts.silences["silence-9"].state == "expired"


async def test_a_silence_that_changed_since_the_preview_is_looked_at_again(desk: AlertDesk) -> None:
    silence = desk.alerts.add("silence-9", Matcher("alertname", "GpuXidError"))
    plan = await desk.sees("silence", "expire-silence", "silence-9")
    desk.alerts.silences["silence-9"] = replace(silence, ends=NOW + 9_000)

    answer = await desk.confirms(plan)

    assert isinstance(answer, Refused)
    assert (answer.code, desk.alerts.applied) == ("expired", [])


async def test_an_ended_silence_cannot_be_extended_or_expired(desk: AlertDesk) -> None:
    silence = desk.alerts.add("silence-9", Matcher("alertname", "GpuXidError"))
    desk.alerts.silences["silence-9"] = replace(silence, state="expired")

    for verb in ("extend-silence", "expire-silence"):
        answer = await desk.on("silence", verb, "silence-9", reason="x")
        assert isinstance(answer, Refused)
        assert "has ended" in answer.why


async def test_a_drain_does_not_take_an_alert(desk: AlertDesk) -> None:
    answer = await desk.on("alert", "drain", "aaaa0001", reason="x")

    assert isinstance(answer, Refused)
    assert answer.why == "drain takes no alerts; it takes nodes"


async def test_a_silence_whose_executor_died_is_found_again(desk: AlertDesk) -> None:
    plan = await desk.sees("alert", "silence", "aaaa0001", reason="swapping")
    await desk.confirms(plan)
    intent: dict[str, Any] = next(record for record in read(desk.audit_file) if record["phase"] == "intent")
    other = AlertDesk(desk.cluster, desk.alerts, desk.audit_file.parent.parent / "other")
    log = AuditLog(other.audit_file)
    log.append("intent", {name: value for name, value in intent.items() if name not in CHAIN})
    log.append("start", {"id": plan.plan_id, "state": "RUNNING", "executor": {"host": "x", "pid": 1, "started": "1"}})
    other.clock.seconds = next(read(other.audit_file))["ts"] + 60
    other.alerts.alerts.clear()  # the alert has ended meanwhile

    other.runner.resolve_left_open()
    await other.runner.settle()

    (finished,) = [reply for reply in other.answers.sent if isinstance(reply, Finished)]
    assert (finished.plan_id, finished.state) == (plan.plan_id, "VERIFIED")
