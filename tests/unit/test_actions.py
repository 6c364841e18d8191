"""The verbs: when they are refused, what their preview warns of, and what counts as proof."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from crashcart.backends.contract import CommandResult
from crashcart.ops.actions import ACTIONS
from crashcart.ops.protocol import ConfirmRequest, Finished, Refused
from crashcart.ops.verbs import VERBS
from tests.unit.runner_desk import Desk, content, is_private
from tests.unit.small_cluster import SmallCluster, job, node


@pytest.fixture
def cluster() -> SmallCluster:
    return SmallCluster(
        nodes=[node("gpu001", "ALLOCATED"), node("gpu002"), node("gpu003", "IDLE", "DRAIN", reason="NHC: ib0 down")],
        jobs=[job("41"), job("42", "PENDING")],
    )


@pytest.fixture
def desk(cluster: SmallCluster, tmp_path: Path) -> Desk:
    return Desk(cluster, tmp_path)


def test_every_verb_has_its_action() -> None:
    assert list(ACTIONS) == [verb.name for verb in VERBS]


# nodes


async def test_a_ticket_stands_before_the_text_of_a_reason(desk: Desk) -> None:
    await desk.does("drain", "gpu002", ticket="INC-1", reason="xid 79")

    assert desk.cluster.nodes["gpu002"].reason == "crashcart:alice INC-1 xid 79"


async def test_a_drain_of_somebody_else_is_shown_and_needs_a_second_line(desk: Desk) -> None:
    plan = await desk.previews("drain", "gpu003", reason="x")
    assert plan.targets[0].held_by == "NHC: ib0 down"
    assert plan.confirmation.foreign == "override"

    refused = await desk.runner.confirm(ConfirmRequest(plan.plan_id, "gpu003"))
    assert isinstance(refused, Refused)
    assert refused.why == "somebody else holds it: expected 'override' as the second line"
    assert desk.cluster.applied == []

    assert isinstance(await desk.confirms(plan), Finished)


async def test_another_operator_of_crashcart_is_somebody_else(desk: Desk) -> None:
    desk.cluster.nodes["gpu003"] = node("gpu003", "IDLE", "DRAIN", reason="crashcart:alicex INC-2")

    assert (await desk.previews("resume", "gpu003")).confirmation.foreign == "override"


async def test_a_node_that_the_operator_drained_is_theirs(desk: Desk) -> None:
    await desk.does("drain", "gpu002", reason="first")

    plan = await desk.previews("drain", "gpu002", reason="second")

    assert plan.targets[0].held_by is None
    assert "you have drained it already; only the reason changes" in plan.targets[0].notes
    assert plan.confirmation.foreign is None


async def test_a_drain_says_which_jobs_go_on(desk: Desk) -> None:
    plan = await desk.previews("drain", "gpu001", reason="x")

    assert plan.targets[0].notes == ("1 job runs on it: 41 (bob); they run to their end",)
    assert plan.targets[0].state == "allocated (ALLOCATED)"


async def test_a_drain_with_another_reason_than_written_is_not_proved(desk: Desk) -> None:
    desk.cluster.faults["gpu003"] = ["no-effect"]

    finished = await desk.does("drain", "gpu003", reason="x")

    assert finished.state == "FAILED"
    assert "the reason is not the one that was written" in finished.results[0].detail


async def test_a_node_in_service_cannot_be_resumed(desk: Desk) -> None:
    refused = await desk.is_refused("resume", "gpu002")

    assert refused.code == "unavailable"
    assert refused.why == "gpu002 is idle (IDLE): it is in service, there is nothing to resume"


async def test_resuming_a_node_with_a_pending_reboot_warns_that_it_cancels_it(desk: Desk) -> None:
    desk.cluster.nodes["gpu002"] = node("gpu002", "MIXED", "DRAIN", "REBOOT_REQUESTED", reason="crashcart:alice x")

    plan = await desk.previews("resume", "gpu002")

    assert plan.targets[0].warnings == ("a reboot is pending on it, and resuming cancels that reboot",)
    assert (await desk.confirms(plan)).state == "VERIFIED"  # type: ignore[union-attr]


async def test_a_node_still_down_after_a_resume_is_failed(desk: Desk) -> None:
    desk.cluster.nodes["gpu002"] = node("gpu002", "DOWN", reason="crashcart:alice x")
    desk.cluster.faults["gpu002"] = ["no-effect"]

    assert (await desk.does("resume", "gpu002")).state == "FAILED"


async def test_a_reboot_is_proved_by_the_scheduler_having_it_pending(desk: Desk) -> None:
    finished = await desk.does("reboot", "gpu001", reason="kernel")

    assert finished.state == "VERIFIED"
    assert finished.results[0].detail == "the reboot waits for running jobs"
    assert (await desk.is_refused("reboot", "gpu001", reason="again")).why.startswith("a reboot of gpu001 is pending")


async def test_a_node_that_is_not_there_is_named(desk: Desk) -> None:
    refused = await desk.is_refused("drain", "gpu099", reason="x")

    assert (refused.code, refused.why) == ("unavailable", "small knows no node gpu099")


# jobs


@pytest.mark.parametrize(
    ("verb", "changes", "why"),
    [
        ("requeue", {"state": "PENDING", "reason": "Priority"}, "waits in the queue already (PENDING (Priority))"),
        ("requeue", {"requeueable": False}, "was submitted with --no-requeue"),
        ("requeue", {"state": "COMPLETED"}, "has ended (COMPLETED)"),
        ("requeue-hold", {"state": "PENDING"}, "waits in the queue already"),
        ("hold", {"priority": 0}, "is held already"),
        ("release", {}, "is not held"),
        ("cancel", {"state": "COMPLETING"}, "is ending already"),
        ("cancel", {"state": "FAILED"}, "has ended (FAILED)"),
        ("checkpoint", {"state": "PENDING"}, "only a running job can save itself"),
    ],
)
async def test_a_verb_that_cannot_work_now_is_refused_with_the_reason(
    desk: Desk, verb: str, changes: dict[str, object], why: str
) -> None:
    desk.cluster.jobs["41"] = replace(job("41"), **changes)

    refused = await desk.is_refused(verb, "41")

    assert refused.code == "unavailable"
    assert why in refused.why


async def test_a_requeue_tells_its_price_and_its_wait_and_is_proved_by_the_restart_count(desk: Desk) -> None:
    plan = await desk.previews("requeue", "41")
    assert plan.targets[0].notes == (
        "4.0 GPU-hours are lost: all since its checkpoint 30 min ago",
        "it waits about 2 minutes (BeginTime) before it may start again",
    )
    assert plan.impact.gpu_hours_at_risk == 4.0

    finished = await desk.confirms(plan)

    assert isinstance(finished, Finished)
    assert finished.results[0].seen == "PENDING (BeginTime), restarts 1"


async def test_a_job_gone_after_a_requeue_is_failed_at_once(desk: Desk) -> None:
    desk.cluster.faults["41"] = ["no-effect"]
    desk.cluster.on_apply = desk.cluster.jobs.clear

    finished = await desk.does("requeue", "41")

    assert finished.state == "FAILED"
    assert finished.results[0].detail == "job 41 is gone from the queue"


async def test_a_refused_requeue_is_not_verified_by_a_job_that_waits_for_another_reason(desk: Desk) -> None:
    desk.cluster.faults["41"] = ["refused"]
    desk.cluster.on_apply = lambda: desk.cluster.jobs.update({"41": job("41", "PENDING")})  # preempted just then

    finished = await desk.does("requeue", "41")

    assert finished.state == "FAILED"
    assert finished.results[0].seen == "PENDING, restarts 0"


async def test_requeue_hold_is_proved_only_when_the_job_is_held(desk: Desk) -> None:
    finished = await desk.does("requeue-hold", "41")

    assert finished.state == "VERIFIED"
    assert desk.cluster.jobs["41"].reason == "JobHeldAdmin"


async def test_holding_a_running_job_warns_that_it_keeps_running(desk: Desk) -> None:
    plan = await desk.previews("hold", "41")

    assert plan.targets[0].warnings == ("it keeps running: a hold only matters when it goes back into the queue",)
    assert plan.confirmation.kind == "key"
    assert (await desk.confirms(plan)).state == "VERIFIED"  # type: ignore[union-attr]


async def test_a_held_job_is_released(desk: Desk) -> None:
    await desk.does("hold", "42")

    assert (await desk.does("release", "42")).results[0].seen == "PENDING (Priority)"


async def test_a_cancel_shows_what_is_lost_and_is_proved_by_the_job_being_gone(desk: Desk) -> None:
    desk.cluster.jobs["41"] = replace(job("41"), checkpoint_time=None)
    plan = await desk.previews("cancel", "41")
    assert plan.targets[0].notes == ("8.0 GPU-hours are lost: all since its start, no checkpoint is known",)

    finished = await desk.confirms(plan)

    assert isinstance(finished, Finished)
    assert finished.results[0].seen == "no longer in the queue"


async def test_an_array_entry_says_for_how_many_tasks_it_stands(desk: Desk) -> None:
    desk.cluster.jobs["9"] = replace(job("9", "PENDING"), array="9_[2-4]", array_tasks=3)

    plan = await desk.previews("cancel", "9")

    assert plan.targets[0].notes[0] == "it stands for 3 tasks of the array 9_[2-4], and all are meant"


# hosts


async def test_a_diagnosis_is_cleaned_shown_and_saved(desk: Desk) -> None:
    desk.cluster.command = CommandResult("ok", 0, b"GPU 0: \x1b[31mhot\x1b[0m\nGPU 1: fine\n")

    result = (await desk.does("diagnose", "gpu001", check="gpu")).results[0]

    assert result.state == "VERIFIED"
    assert result.output == "GPU 0: ␛[31mhot␛[0m\nGPU 1: fine\n"
    assert content(result.saved).decode() == result.output
    assert result.saved is not None
    assert Path(result.saved).parent == desk.audit_file.parent / "diagnostics"
    assert is_private(result.saved)


async def test_a_long_diagnosis_is_shown_in_part_and_saved_whole(desk: Desk) -> None:
    desk.cluster.command = CommandResult("ok", 0, b"line\n" * 40_000)

    result = (await desk.does("diagnose", "gpu001", check="gpu")).results[0]

    assert len(result.output) < 66_000
    assert result.output.endswith(f"all of it is in {result.saved}\n")
    assert len(content(result.saved)) == 200_000


@pytest.mark.parametrize(
    ("command", "state", "detail"),
    [
        (CommandResult("failed", 6, b"", b"No devices were found\n"), "FAILED", "exit status 6"),
        (CommandResult("unknown", None, b"GPU", detail="connection lost"), "UNKNOWN", "connection lost"),
        (CommandResult("not_sent", None, detail="refused"), "FAILED", "not run: refused"),
    ],
)
async def test_a_diagnosis_without_exit_status_is_unknown(
    desk: Desk, command: CommandResult, state: str, detail: str
) -> None:
    desk.cluster.command = command

    result = (await desk.does("diagnose", "gpu001", check="gpu")).results[0]

    assert (result.state, result.detail) == (state, detail)


async def test_a_check_that_disturbs_work_needs_a_drained_node(desk: Desk) -> None:
    from crashcart.backends.diagnostics import CHECKS

    disturbing = next(check.name for check in CHECKS.values() if check.needs_drained)

    assert "must be drained first" in (await desk.is_refused("diagnose", "gpu001", check=disturbing)).why
    assert (await desk.does("diagnose", "gpu003", check=disturbing)).state == "VERIFIED"


async def test_a_verb_that_nothing_offers_is_unavailable(desk: Desk) -> None:
    class OnlyReads:
        observe = desk.cluster.observe
        observe_nodes = desk.cluster.observe_nodes
        observe_jobs = desk.cluster.observe_jobs

    desk.powers = [OnlyReads()]

    for verb, target in (("drain", "gpu001"), ("cancel", "41"), ("checkpoint", "41"), ("shell", "gpu001")):
        params = {"reason": "x"} if verb == "drain" else {}
        refused = await desk.is_refused(verb, target, **params)
        assert refused.code == "unavailable"
        assert refused.why.startswith("nothing in small can")
