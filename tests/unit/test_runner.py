"""The runner: nothing happens unplanned, unconfirmed or unrecorded, and what is reported was read back."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from crashcart.ops.audit import open_actions, read, verify
from crashcart.ops.protocol import ConfirmRequest, Finished, Refused
from tests.unit.runner_desk import POLICY, Desk
from tests.unit.small_cluster import SmallCluster, job, node

ROOT = Path(__file__).parents[2]


@pytest.fixture
def cluster() -> SmallCluster:
    return SmallCluster(
        nodes=[node(f"gpu{number:03}") for number in range(1, 21)] + [node("login1")],
        jobs=[job("41", nodes="gpu[001-002]"), job("42", "PENDING")],
    )


@pytest.fixture
def desk(cluster: SmallCluster, tmp_path: Path) -> Desk:
    return Desk(cluster, tmp_path)


def phases(desk: Desk) -> list[tuple[str, str | None]]:
    return [(record["phase"], record.get("state")) for record in read(desk.audit_file)]


async def test_a_drain_is_verified_by_what_is_read_back_and_on_record_before_it_runs(desk: Desk) -> None:
    finished = await desk.does("drain", "gpu001", reason="INC-1 xid 79")

    assert finished.state == "VERIFIED"
    assert finished.results[0].seen == "drained (IDLE+DRAIN), reason: crashcart:alice INC-1 xid 79"
    assert desk.answers.states("gpu001") == ["RUNNING", "VERIFYING", "VERIFIED"]
    assert phases(desk) == [("intent", "CONFIRMED"), ("start", "RUNNING"), ("end", "VERIFIED")]
    intent = next(read(desk.audit_file))
    assert intent["commands"] == [change.text for change in desk.cluster.applied]
    assert intent["actor"]["user"] == "alice"
    assert verify(desk.audit_file).bad is None


async def test_a_preview_shows_commands_jobs_capacity_and_the_way_back(desk: Desk) -> None:
    plan = await desk.previews("drain", "gpu001", "gpu002", reason="bad cable")

    assert [target.commands for target in plan.targets] == [
        ("scontrol update nodename=gpu001 state=drain reason='crashcart:alice bad cable'",),
        ("scontrol update nodename=gpu002 state=drain reason='crashcart:alice bad cable'",),
    ]
    assert [hit.id for hit in plan.impact.jobs] == ["41"]
    assert plan.impact.gpu_hours_at_risk == 0.0
    assert plan.impact.capacity == ("train: 19 of 21 nodes stay in service (90 %)",)
    assert plan.undo == "resume gpu[001-002]"
    assert (plan.confirmation.kind, plan.confirmation.expect) == ("type-count", "2")
    assert desk.cluster.applied == []


async def test_a_denied_action_reaches_no_backend_and_is_on_record(desk: Desk) -> None:
    refused = await desk.is_refused("drain", "login1", reason="x")

    assert refused.code == "policy"
    assert refused.why == "deny: role oncall forbids drain on login1 (*/*/login*)"
    assert desk.cluster.applied == []
    assert phases(desk) == [("refused", None)]


async def test_somebody_without_a_role_is_refused_before_the_cluster_is_asked(
    cluster: SmallCluster, tmp_path: Path
) -> None:
    desk = Desk(cluster, tmp_path, user="mallory")

    refused = await desk.is_refused("drain", "gpu001", reason="x")

    assert refused.why.startswith("role: no role is bound to mallory")
    assert cluster.observed == 0


@pytest.mark.parametrize(
    ("verb", "targets", "params", "why"),
    [
        ("drain", ("gpu[001-002]",), {"reason": "x"}, "targets must be expanded"),
        ("drain", ("gpu001",), {}, "a reason is needed"),
        ("drain", ("gpu001",), {"reason": "State=RESUME"}, "is not a reason"),
        ("drain", ("gpu001",), {"reason": "x", "force": "1"}, "has no parameter 'force'"),
        ("explode", ("gpu001",), {}, "there is no verb 'explode'"),
        ("cancel", ("41; id",), {}, "is not a job id"),
        ("shell", ("gpu001", "gpu002"), {}, "one target at a time"),
        ("diagnose", ("gpu001",), {"check": "rm"}, "needs check=NAME"),
    ],
)
async def test_a_request_that_makes_no_sense_is_refused_with_what_to_write(
    desk: Desk, verb: str, targets: tuple[str, ...], params: dict[str, str], why: str
) -> None:
    refused = await desk.is_refused(verb, *targets, **params)

    assert refused.code == "usage"
    assert why in refused.why
    assert desk.cluster.applied == []


async def test_the_same_target_twice_is_refused(desk: Desk) -> None:
    refused = await desk.is_refused("drain", "gpu001", "gpu001", reason="x")

    assert refused.why == "targets: one is named twice"


async def test_a_wrong_word_runs_nothing_and_the_right_one_still_may(desk: Desk) -> None:
    plan = await desk.previews("drain", "gpu001", reason="x")

    wrong = await desk.runner.confirm(ConfirmRequest(plan.plan_id, "gpu002"))
    assert isinstance(wrong, Refused)
    assert (wrong.code, wrong.why) == ("confirmation", "expected 'gpu001'")
    assert desk.cluster.applied == []

    assert isinstance(await desk.confirms(plan), Finished)


async def test_a_preview_older_than_a_minute_runs_nothing(desk: Desk) -> None:
    plan = await desk.previews("drain", "gpu001", reason="x")
    desk.clock.seconds += 61

    refused = await desk.confirms(plan)

    assert isinstance(refused, Refused)
    assert refused.code == "expired"
    assert desk.cluster.applied == []


async def test_a_target_that_changed_since_the_preview_is_not_touched(desk: Desk) -> None:
    plan = await desk.previews("drain", "gpu001", reason="x")
    desk.cluster.nodes["gpu001"] = node("gpu001", "IDLE", "DRAIN", reason="NHC: ib0 down")

    refused = await desk.confirms(plan)

    assert isinstance(refused, Refused)
    assert refused.code == "expired"
    assert refused.why == (
        "gpu001 has changed since the preview: flags was none, is DRAIN, reason was not known, is NHC: ib0 down"
    )
    assert desk.cluster.applied == []


async def test_backfill_planning_does_not_make_a_preview_untrue(desk: Desk) -> None:
    plan = await desk.previews("drain", "gpu001", reason="x")
    desk.cluster.nodes["gpu001"] = node("gpu001", "IDLE", "PLANNED")

    assert isinstance(await desk.confirms(plan), Finished)


async def test_two_confirmations_of_one_plan_run_it_once(desk: Desk) -> None:
    plan = await desk.previews("requeue", "41")

    answers = await asyncio.gather(desk.confirms(plan), desk.confirms(plan))

    assert len(desk.cluster.applied) == 1
    assert sorted(type(answer).__name__ for answer in answers) == ["Finished", "Refused"]


async def test_a_cancelled_plan_cannot_be_confirmed(desk: Desk) -> None:
    plan = await desk.previews("drain", "gpu001", reason="x")
    desk.runner.cancel(plan.plan_id)

    assert isinstance(await desk.confirms(plan), Refused)
    assert desk.cluster.applied == []


async def test_a_success_that_changed_nothing_is_failed(desk: Desk) -> None:
    desk.cluster.faults["gpu001"] = ["no-effect"]

    finished = await desk.does("drain", "gpu001", reason="x")

    assert finished.state == "FAILED"
    assert finished.results[0].detail == "the command was accepted, its effect is not seen (after 20 s)"
    assert finished.results[0].seen == "idle (IDLE), reason: none"


async def test_a_refused_command_is_failed_with_what_it_said(desk: Desk) -> None:
    desk.cluster.faults["gpu001"] = ["refused"]

    finished = await desk.does("drain", "gpu001", reason="x")

    assert finished.state == "FAILED"
    assert finished.results[0].detail == "the command was refused: slurm_update error: Invalid user id"


async def test_a_command_that_was_not_sent_is_sent_once_more_only_when_it_may_be(desk: Desk) -> None:
    desk.cluster.faults = {"gpu001": ["unreachable"], "41": ["unreachable"]}

    drained = await desk.does("drain", "gpu001", reason="x")
    requeued = await desk.does("requeue", "41")

    assert drained.state == "VERIFIED"
    assert requeued.state == "FAILED"
    assert requeued.results[0].detail == "nothing was sent: small: connection refused"
    assert [change.target for change in desk.cluster.applied] == ["gpu001", "gpu001", "41"]


async def test_a_lost_answer_with_its_effect_seen_is_verified_and_not_sent_again(desk: Desk) -> None:
    desk.cluster.faults["gpu001"] = ["lost-after"]

    finished = await desk.does("drain", "gpu001", reason="x")

    assert finished.state == "VERIFIED"
    assert len(desk.cluster.applied) == 1


async def test_an_idempotent_verb_is_sent_again_after_an_answer_and_its_effect_are_missing(desk: Desk) -> None:
    desk.cluster.faults["gpu001"] = ["lost-before"]

    finished = await desk.does("drain", "gpu001", reason="x")

    assert finished.state == "VERIFIED"
    assert len(desk.cluster.applied) == 2


async def test_a_requeue_without_answer_is_never_sent_twice_and_stays_unknown(desk: Desk) -> None:
    desk.cluster.faults["41"] = ["lost-before"]

    finished = await desk.does("requeue", "41")
    await desk.runner.settle()

    assert finished.state == "UNKNOWN"
    assert len(desk.cluster.applied) == 1
    assert [(action.verb, action.state) for action in open_actions(desk.audit_file)] == [("requeue", "UNKNOWN")]


async def test_an_unknown_outcome_is_verified_when_the_link_is_back(desk: Desk) -> None:
    desk.cluster.faults["41"] = ["cut"]

    finished = await desk.does("requeue", "41")
    assert finished.state == "UNKNOWN"
    assert "the link is cut" in finished.results[0].detail
    desk.cluster.is_cut = False
    await desk.runner.settle()

    news = desk.answers.sent[-1]
    assert isinstance(news, Finished)
    assert news.state == "VERIFIED"
    assert len(desk.cluster.applied) == 1
    assert phases(desk)[-1] == ("reconciled", "VERIFIED")
    assert open_actions(desk.audit_file) == ()


async def test_no_more_targets_are_started_after_three_went_wrong(desk: Desk) -> None:
    names = [f"gpu{number:03}" for number in range(1, 17)]
    desk.cluster.faults = {name: ["refused"] for name in names[:3]}

    finished = await desk.does("drain", *names, reason="x")

    states = [result.state for result in finished.results]
    assert states[:3] == ["FAILED"] * 3
    assert states[3:8] == ["VERIFIED"] * 5
    assert "CANCELLED" in states[8:]
    assert finished.state == "PARTIAL"
    assert desk.cluster.most_at_once <= 8


async def test_one_unknown_among_many_is_partial_and_open(desk: Desk) -> None:
    desk.cluster.jobs |= {name: job(name) for name in ("51", "52", "53")}
    desk.cluster.faults["52"] = ["lost-before"]

    finished = await desk.does("requeue", "51", "52", "53")
    await desk.runner.settle()

    assert finished.state == "PARTIAL"
    assert [action.targets for action in open_actions(desk.audit_file)] == [("52",)]


async def test_a_fault_in_a_backend_is_unknown_and_recorded(desk: Desk) -> None:
    desk.cluster.faults["gpu001"] = ["bug"]

    finished = await desk.does("drain", "gpu001", reason="x")

    assert finished.state == "UNKNOWN"
    assert "RuntimeError: a bug in a backend" in finished.results[0].detail
    assert phases(desk)[-1] == ("end", "UNKNOWN")


async def test_without_an_audit_log_nothing_is_even_planned(desk: Desk) -> None:
    desk.audit_file.parent.mkdir()
    desk.audit_file.symlink_to("/dev/null")

    refused = await desk.is_refused("drain", "gpu001", reason="x")

    assert refused.code == "audit"
    assert desk.cluster.observed == 0


async def test_an_audit_log_that_vanishes_after_the_preview_stops_the_action(desk: Desk) -> None:
    plan = await desk.previews("drain", "gpu001", reason="x")
    desk.audit_file.unlink()

    refused = await desk.confirms(plan)

    assert isinstance(refused, Refused)
    assert refused.code == "audit"
    assert "nothing was done" in refused.why
    assert desk.cluster.applied == []


async def test_the_hourly_limit_counts_what_ran_and_is_read_from_the_audit_log(
    cluster: SmallCluster, tmp_path: Path
) -> None:
    policy = POLICY.replace("per_hour = 500", "per_hour = 2")
    first = Desk(cluster, tmp_path, policy)
    first.clock.seconds = first.clock.now()
    for name in ("gpu001", "gpu002"):
        await first.is_refused("drain", "login1", reason="x")
        await first.does("drain", name, reason="x")

    refused = await Desk(cluster, tmp_path, policy).is_refused("drain", "gpu003", reason="x")

    assert refused.why.startswith("per_hour: 2 targets in the last hour")


async def test_an_action_left_open_is_a_warning_at_the_next_preview_of_its_target(desk: Desk) -> None:
    desk.cluster.faults["41"] = ["lost-before"]
    await desk.does("requeue", "41")
    await desk.runner.settle()

    plan = await desk.previews("cancel", "41")

    assert plan.warnings == ("an earlier requeue of 41 has no known end; look at its state before you go on",)


async def test_two_actions_never_run_on_one_target_at_once(desk: Desk) -> None:
    drain, resume = (
        await desk.previews("drain", "gpu001", reason="x"),
        await desk.previews("reboot", "gpu001", reason="x"),
    )

    answers = await asyncio.gather(desk.confirms(drain), desk.confirms(resume))

    assert len(desk.cluster.applied) == 1
    assert isinstance(answers[1], Refused)


def test_only_one_module_applies_changes() -> None:
    sources = [path for layer in ("ops", "tui") for path in (ROOT / layer).rglob("*.py")]

    assert {path.name for path in sources if "applier.apply(" in path.read_text()} == {"change_target.py"}
