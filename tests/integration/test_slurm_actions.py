"""Every verb by a real executor process on a real Slurm cluster, read back with Slurm's own commands."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from crashcart.ops.protocol import Finished, Refused
from crashcart.ops.session import ClusterSession

from .executor_desk import Desk
from .slurm_cluster import SlurmCluster

pytestmark = pytest.mark.real


def cluster_session(slurm: SlurmCluster, **options: object) -> ClusterSession:
    return ClusterSession(slurm.name, backends={"slurm": slurm.table(**options)})


@pytest.fixture
async def desk(slurm: SlurmCluster, tmp_path: Path) -> AsyncIterator[Desk]:
    async with Desk(cluster_session(slurm), tmp_path) as desk:
        yield desk


def drained_by_somebody_else(slurm: SlurmCluster, node: str) -> None:
    slurm.must("scontrol", "update", f"nodename={node}", "state=drain", "reason=NHC: check_gpu failed")


def reason_of(slurm: SlurmCluster, node: str) -> str:
    return slurm.show_node(node).get("Reason", "")


# nodes


async def test_drain_of_an_idle_node_is_verified(slurm: SlurmCluster, desk: Desk) -> None:
    result = await desk.act_on("drain", "gpu01", reason="xid 79", ticket="INC-1")
    assert (result.state, result.detail) == ("VERIFIED", "")
    assert slurm.show_node("gpu01")["State"] == "IDLE+DRAIN"
    assert reason_of(slurm, "gpu01").startswith("crashcart:root INC-1 xid 79 [root@")
    assert [record["phase"] for record in desk.audit()] == ["intent", "start", "end"]


async def test_drain_of_a_busy_node_lets_its_job_run_on(slurm: SlurmCluster, desk: Desk) -> None:
    job = slurm.running("--gres=gpu:h100:4", "--nodelist=gpu02")
    plan = await desk.plan("drain", "gpu02", reason="fan")
    assert [hit.id for hit in plan.impact.jobs] == [job]
    assert plan.impact.gpus == 4
    finished = await desk.confirm(plan)
    assert isinstance(finished, Finished) and finished.state == "VERIFIED"
    assert slurm.show_node("gpu02")["State"] == "MIXED+DRAIN"
    assert slurm.show_job(job)["JobState"] == "RUNNING"


async def test_the_previewed_command_is_the_one_that_slurm_takes(slurm: SlurmCluster, desk: Desk) -> None:
    plan = await desk.plan("drain", "gpu03", reason="by hand")
    done = slurm.run("sh", "-c", plan.targets[0].commands[0])
    assert done.returncode == 0, done.stderr
    assert reason_of(slurm, "gpu03").startswith("crashcart:root by hand")


async def test_drain_without_a_reason_is_refused(slurm: SlurmCluster, desk: Desk) -> None:
    refused = await desk.refused("drain", "gpu01")
    assert refused.code == "usage"
    assert "reason" in refused.why
    assert slurm.show_node("gpu01")["State"] == "IDLE"


async def test_a_foreign_reason_is_overwritten_only_after_a_second_line(slurm: SlurmCluster, desk: Desk) -> None:
    drained_by_somebody_else(slurm, "gpu01")
    plan = await desk.plan("drain", "gpu01", reason="mine now")
    assert plan.targets[0].held_by == "root: NHC: check_gpu failed"
    refused = await desk.confirm(plan)
    assert isinstance(refused, Refused) and refused.code == "confirmation"
    assert reason_of(slurm, "gpu01").startswith("NHC: check_gpu failed")
    finished = await desk.confirm(plan, foreign_typed="override")
    assert isinstance(finished, Finished) and finished.state == "VERIFIED"
    assert reason_of(slurm, "gpu01").startswith("crashcart:root mine now")


async def test_resume_takes_our_own_drain_back(slurm: SlurmCluster, desk: Desk) -> None:
    await desk.act_on("drain", "gpu01", reason="xid 79")
    plan = await desk.plan("resume", "gpu01")
    assert plan.targets[0].held_by is None
    finished = await desk.confirm(plan)
    assert isinstance(finished, Finished) and finished.state == "VERIFIED", finished
    slurm.wait_node("gpu01", lambda node: node["State"] == "IDLE")


async def test_resume_of_a_foreign_drain_asks_for_a_second_line(slurm: SlurmCluster, desk: Desk) -> None:
    drained_by_somebody_else(slurm, "gpu01")
    plan = await desk.plan("resume", "gpu01")
    assert isinstance(await desk.confirm(plan), Refused)
    assert slurm.show_node("gpu01")["State"] == "IDLE+DRAIN"
    finished = await desk.confirm(plan, foreign_typed="override")
    assert isinstance(finished, Finished) and finished.state == "VERIFIED", finished


async def test_an_old_reason_at_a_node_in_service_holds_nobody_up(slurm: SlurmCluster, desk: Desk) -> None:
    slurm.must("scontrol", "update", "nodename=gpu01", "reason=NHC: long over")
    plan = await desk.plan("drain", "gpu01", reason="xid 79")
    assert (plan.targets[0].held_by, plan.confirmation.foreign) == (None, None)
    finished = await desk.confirm(plan)
    assert isinstance(finished, Finished) and finished.state == "VERIFIED", finished
    assert reason_of(slurm, "gpu01").startswith("crashcart:root xid 79")


async def test_resume_of_a_node_in_service_is_refused(slurm: SlurmCluster, desk: Desk) -> None:
    refused = await desk.refused("resume", "gpu01")
    assert refused.code == "unavailable"
    assert "in service" in refused.why


async def test_reboot_of_an_idle_node_begins(slurm: SlurmCluster, desk: Desk) -> None:
    result = await desk.act_on("reboot", "gpu03", reason="firmware")
    assert result.state == "VERIFIED"
    assert {"REBOOT_REQUESTED", "REBOOT_ISSUED"} & set(slurm.show_node("gpu03")["State"].split("+"))
    assert "crashcart:root firmware" in reason_of(slurm, "gpu03")


async def test_reboot_of_a_busy_node_waits_for_its_job_and_resume_calls_it_off(slurm: SlurmCluster, desk: Desk) -> None:
    job = slurm.running("--gres=gpu:h100:1", "--nodelist=gpu04")
    result = await desk.act_on("reboot", "gpu04", reason="firmware")
    assert result.state == "VERIFIED"
    assert "REBOOT_REQUESTED" in slurm.show_node("gpu04")["State"]
    assert slurm.show_job(job)["JobState"] == "RUNNING"
    plan = await desk.plan("resume", "gpu04")
    assert "cancels that reboot" in plan.targets[0].warnings[0]
    finished = await desk.confirm(plan)
    assert isinstance(finished, Finished) and finished.state == "VERIFIED", finished
    assert slurm.show_node("gpu04")["State"] == "MIXED"


async def test_one_refused_node_of_three_does_not_hide_the_other_two(slurm: SlurmCluster, tmp_path: Path) -> None:
    nobody = "setpriv --reuid=65534 --regid=65534 --clear-groups"
    commands = slurm.commands_directory(
        scontrol=f'case "$*" in *nodename=gpu02*) exec {nobody} "$real" "$@";; *) exec "$real" "$@";; esac'
    )
    async with Desk(cluster_session(slurm, bin_dir=str(commands)), tmp_path) as desk:
        plan = await desk.plan("drain", "gpu01", "gpu02", "gpu03", reason="rack power")
        assert plan.confirmation.expect == "3"
        finished = await desk.confirm(plan)
    assert isinstance(finished, Finished)
    assert finished.state == "PARTIAL"
    states = {result.target: result.state for result in finished.results}
    assert states == {"gpu01": "VERIFIED", "gpu02": "FAILED", "gpu03": "VERIFIED"}
    failed = next(result for result in finished.results if result.target == "gpu02")
    assert "Invalid user id" in failed.detail
    assert [slurm.show_node(node)["State"] for node in ("gpu01", "gpu02", "gpu03")] == [
        "IDLE+DRAIN", "IDLE", "IDLE+DRAIN",
    ]  # fmt: skip


async def test_a_node_that_changed_since_the_preview_is_left_alone(slurm: SlurmCluster, desk: Desk) -> None:
    plan = await desk.plan("drain", "gpu01", reason="mine")
    drained_by_somebody_else(slurm, "gpu01")
    refused = await desk.confirm(plan)
    assert isinstance(refused, Refused) and refused.code == "expired"
    assert reason_of(slurm, "gpu01").startswith("NHC: check_gpu failed")


# jobs


async def test_requeue_puts_the_job_back_and_counts_one_restart(slurm: SlurmCluster, desk: Desk) -> None:
    job = slurm.running("--gres=gpu:h100:2")
    result = await desk.act_on("requeue", job)
    assert result.state == "VERIFIED"
    seen = slurm.wait_job(job, lambda seen: seen["JobState"] == "PENDING")
    assert seen["Restarts"] == "1"
    refused = await desk.refused("requeue", job)
    assert "waits in the queue already" in refused.why


async def test_requeue_of_a_job_that_must_not_be_requeued_is_refused(slurm: SlurmCluster, desk: Desk) -> None:
    job = slurm.running("--no-requeue")
    refused = await desk.refused("requeue", job)
    assert refused.code == "unavailable"
    assert "--no-requeue" in refused.why
    assert slurm.show_job(job)["JobState"] == "RUNNING"


async def test_requeue_and_hold_keeps_the_job_from_starting_until_released(slurm: SlurmCluster, desk: Desk) -> None:
    job = slurm.running()
    assert (await desk.act_on("requeue-hold", job)).state == "VERIFIED"
    held = slurm.wait_job(job, lambda seen: seen["JobState"] == "PENDING")
    assert (held["Priority"], held["Restarts"]) == ("0", "1")
    assert (await desk.act_on("release", job)).state == "VERIFIED"
    assert slurm.show_job(job)["Priority"] != "0"


async def test_hold_and_release_of_a_waiting_job(slurm: SlurmCluster, desk: Desk) -> None:
    job = slurm.submit("--begin=now+1hour")
    assert (await desk.act_on("hold", job)).state == "VERIFIED"
    assert slurm.show_job(job)["Priority"] == "0"
    assert "held already" in (await desk.refused("hold", job)).why
    assert (await desk.act_on("release", job)).state == "VERIFIED"
    assert slurm.show_job(job)["Priority"] != "0"


async def test_cancel_ends_a_job_for_good(slurm: SlurmCluster, desk: Desk) -> None:
    job = slurm.running()
    assert (await desk.act_on("cancel", job)).state == "VERIFIED"
    seen = slurm.wait_job(job, lambda seen: seen.get("JobState") != "COMPLETING")
    assert seen["JobState"] == "CANCELLED"
    assert (await desk.refused("cancel", job)).code == "unavailable"


async def test_one_task_of_an_array_is_cancelled_and_another_requeued(slurm: SlurmCluster, desk: Desk) -> None:
    array = slurm.submit("--array=0-2", "--gres=gpu:h100:1")
    for task in range(3):
        slurm.wait_job(f"{array}_{task}", lambda seen: seen.get("JobState") == "RUNNING")
    assert (await desk.act_on("cancel", f"{array}_1")).state == "VERIFIED"
    assert (await desk.act_on("requeue", f"{array}_2")).state == "VERIFIED"
    assert slurm.show_job(f"{array}_0")["JobState"] == "RUNNING"
    assert slurm.show_job(f"{array}_1")["JobState"] in ("CANCELLED", "COMPLETING")
    requeued = slurm.wait_job(f"{array}_2", lambda seen: seen["JobState"] == "PENDING")
    assert requeued["Restarts"] == "1"


async def test_an_unstarted_array_is_held_as_a_whole(slurm: SlurmCluster, desk: Desk) -> None:
    array = slurm.submit("--array=0-4", "--begin=now+1hour")
    plan = await desk.plan("hold", array)
    assert "5 tasks" in " ".join(plan.targets[0].notes)
    finished = await desk.confirm(plan)
    assert isinstance(finished, Finished) and finished.state == "VERIFIED", finished
    assert slurm.must("squeue", "-h", "-o", "%i %Q", "-j", array).split() == [f"{array}_[0-4]", "0"]


async def test_a_job_that_is_not_there_is_refused(desk: Desk) -> None:
    assert "no job 999999" in (await desk.refused("cancel", "999999")).why
