"""The simulated cluster obeys and refuses Slurm's commands as slurmctld does."""

from __future__ import annotations

import pytest

from crashcart.backends.model import Job
from tests.demo_world import HandCluster

VICTIM = "gpu007"


def victim(cluster: HandCluster) -> Job:
    return cluster.job_named("moe-8x22b-pretrain")


def held_job(cluster: HandCluster) -> Job:
    return next(job for job in cluster.seen().jobs if job.reason == "JobHeldUser")


def test_a_busy_node_drains_and_is_drained_when_its_job_has_gone() -> None:
    cluster = HandCluster()
    assert cluster.run(f"scontrol update nodename={VICTIM} state=drain reason='xid 79 INC-1'").exit_status == 0
    node = cluster.node(VICTIM)
    assert (node.word, node.reason, node.reason_by, node.reason_at) == (
        "draining",
        "xid 79 INC-1",
        "alice",
        cluster.now,
    )
    cluster.run(f"scontrol requeue {victim(cluster).id}")
    cluster.wait(0.5)
    assert "COMPLETING" in cluster.node(VICTIM).flags
    cluster.wait(2)
    node = cluster.node(VICTIM)
    assert (node.word, node.state, node.gpus_used) == ("drained", "IDLE", 0)


def test_a_drain_without_a_reason_is_refused() -> None:
    ran = HandCluster().run(f"scontrol update nodename={VICTIM} state=drain")
    assert ran.exit_status == 1
    assert "must specify a reason" in ran.stderr


def test_resume_of_a_node_in_service_is_refused() -> None:
    ran = HandCluster().run(f"scontrol update nodename={VICTIM} state=resume")
    assert (ran.exit_status, ran.stderr) == (1, "slurm_update error: Invalid node state specified\n")


def test_a_resumed_node_takes_work_again() -> None:
    cluster = HandCluster()
    cluster.run("scontrol update nodename=gpu050 state=drain reason=x")
    assert cluster.run("scontrol update nodename=gpu050 state=resume").exit_status == 0
    node = cluster.node("gpu050")
    assert "DRAIN" not in node.flags and node.reason is None


def test_the_health_check_drains_a_sick_node_again() -> None:
    cluster = HandCluster()
    (sick,) = [node for node in cluster.seen().nodes if (node.reason or "").startswith("NHC: ")]
    cluster.run(f"scontrol update nodename={sick.name} state=resume")
    assert cluster.node(sick.name).word == "idle"
    cluster.wait(60)
    again = cluster.node(sick.name)
    assert (again.reason, again.reason_by) == (sick.reason, "root")
    assert "DRAIN" in again.flags


def test_a_node_that_does_not_respond_goes_down_again_after_a_resume() -> None:
    cluster = HandCluster()
    (down,) = [node for node in cluster.seen().nodes if node.is_down]
    assert cluster.run(f"scontrol update nodename={down.name} state=resume").exit_status == 0
    assert cluster.node(down.name).state == "IDLE"
    assert cluster.node(down.name).is_down, "it still does not respond"
    cluster.wait(30)
    assert cluster.node(down.name).state == "DOWN"


def test_a_requeued_job_waits_with_one_more_restart_and_starts_again_elsewhere() -> None:
    cluster = HandCluster()
    job = victim(cluster)
    cluster.run(f"scontrol update nodename={VICTIM} state=drain reason=xid")
    assert cluster.run(f"scontrol requeue {job.id}").exit_status == 0
    waiting = cluster.job(job.id)
    assert waiting is not None
    assert (waiting.state, waiting.reason, waiting.restarts) == ("PENDING", "BeginTime", 1)
    cluster.wait(40)
    again = cluster.job(job.id)
    assert again is not None and again.state == "RUNNING"
    assert VICTIM not in dict(again.gpu_map or ())
    assert min(cluster.column("power_watts", "gpu001")) > 400, "it makes progress again"


def test_requeue_of_a_waiting_job_is_refused() -> None:
    cluster = HandCluster()
    job = held_job(cluster)
    ran = cluster.run(f"scontrol requeue {job.id}")
    assert (ran.exit_status, ran.stderr) == (1, f"Job is pending execution for job {job.id}\n")


def test_requeue_of_a_no_requeue_job_is_refused() -> None:
    cluster = HandCluster()
    job = next(job for job in cluster.seen().jobs if job.is_running and job.requeueable is False)
    ran = cluster.run(f"scontrol requeue {job.id}")
    assert (ran.exit_status, ran.stderr) == (1, f"Requested operation is presently disabled for job {job.id}\n")
    assert cluster.job(job.id) == job


def test_requeuehold_keeps_the_job_until_it_is_released() -> None:
    cluster = HandCluster()
    job = victim(cluster)
    cluster.run(f"scontrol requeuehold {job.id}")
    held = cluster.job(job.id)
    assert held is not None
    assert (held.state, held.reason, held.priority) == ("PENDING", "job requeued in held state", 0)
    cluster.wait(60)
    held = cluster.job(job.id)
    assert held is not None and held.reason == "job requeued in held state"
    cluster.run(f"scontrol release {job.id}")
    released = cluster.job(job.id)
    assert released is not None and (released.priority or 0) > 0


def test_hold_and_release_of_a_waiting_job() -> None:
    cluster = HandCluster()
    job = next(job for job in cluster.seen().jobs if job.is_pending and job.name == "llm-13b-ablate-rope")
    cluster.run(f"scontrol hold {job.id}")
    held = cluster.job(job.id)
    assert held is not None and (held.reason, held.priority) == ("JobHeldUser", 0)
    cluster.run(f"scontrol release {job.id}")
    cluster.wait(2)
    released = cluster.job(job.id)
    assert released is not None and released.reason in ("Priority", "Resources")


def test_a_cancelled_job_completes_and_is_gone() -> None:
    cluster = HandCluster()
    job = victim(cluster)
    assert cluster.run(f"scancel {job.id}").exit_status == 0
    ending = cluster.job(job.id)
    assert ending is not None and ending.state == "COMPLETING"
    cluster.wait(3)
    assert cluster.job(job.id) is None
    assert cluster.node("gpu001").gpus_used in (0, 8), "free, or taken by whole-node work"


def test_cancelling_an_array_ends_its_bundle_and_its_tasks() -> None:
    cluster = HandCluster()
    bundle = next(job for job in cluster.seen().jobs if job.array)
    assert [job for job in cluster.seen().jobs if job.id.startswith(f"{bundle.id}_")]
    cluster.run(f"scancel {bundle.id}")
    cluster.wait(3)
    assert not [job for job in cluster.seen().jobs if job.id.split("_")[0] == bundle.id]


def test_reboot_waits_for_the_job_heals_the_gpu_and_puts_the_node_back() -> None:
    cluster = HandCluster()
    assert cluster.run(f"scontrol reboot ASAP nextstate=RESUME reason='xid 79' {VICTIM}").exit_status == 0
    node = cluster.node(VICTIM)
    assert set(node.flags) == {"DRAIN", "REBOOT_REQUESTED"} and node.gpus_used == 8
    cluster.run(f"scancel {victim(cluster).id}")
    cluster.wait(3)
    node = cluster.node(VICTIM)
    assert (node.state, set(node.flags)) == ("DOWN", {"DRAIN", "REBOOT_ISSUED"})
    assert cluster.run("hostname", host=VICTIM).unreachable
    cluster.wait(25)
    node = cluster.node(VICTIM)
    assert (node.flags, node.reason) == ((), None)
    assert not node.is_down
    assert node.boot_time is not None and node.boot_time > cluster.now - 10
    assert max(cluster.column("xid", VICTIM)) == 0
    assert "Xid" not in cluster.run("dmesg", host=VICTIM).stdout


def test_reboot_of_a_node_that_does_not_respond_is_refused() -> None:
    cluster = HandCluster()
    (down,) = [node for node in cluster.seen().nodes if node.is_down]
    assert cluster.run(f"scontrol reboot ASAP reason=x {down.name}").exit_status == 1


def test_a_job_without_a_handler_dies_of_the_signal() -> None:
    cluster = HandCluster()
    job = next(job for job in cluster.seen().jobs if job.is_running and job.name == "captions-relabel")
    assert cluster.run(f"scancel --signal=USR1 --batch {job.id}").exit_status == 0
    cluster.wait(5)
    assert cluster.job(job.id) is None


def test_signals_to_waiting_and_unknown_jobs_are_refused() -> None:
    cluster = HandCluster()
    ran = cluster.run(f"scancel --signal=USR1 --batch {held_job(cluster).id}")
    assert ran.exit_status == 228 and "can not be altered now" in ran.stderr
    ran = cluster.run("scancel --signal=USR1 999999")
    assert ran.exit_status == 1 and "Invalid job id specified" in ran.stderr


def test_a_hung_job_is_ended_by_its_watchdog_and_queued_again() -> None:
    cluster = HandCluster()
    job = cluster.job_named("rlhf-ppo-34b")
    cluster.wait(600)
    again = cluster.job(job.id)
    assert again is not None and again.restarts == 1


@pytest.mark.parametrize(
    "command",
    ["scontrol update nodename=nosuch state=drain reason=x", "scontrol reboot ASAP nosuch", "scontrol requeue 999999"],
)
def test_unknown_targets_are_refused(command: str) -> None:
    assert HandCluster().run(command).exit_status == 1


def test_what_is_no_command_is_not_found() -> None:
    assert HandCluster().run("rm -rf /").exit_status == 127


def test_squeue_and_sinfo_agree_with_the_picture() -> None:
    cluster = HandCluster()
    queue, nodes = cluster.run("squeue").stdout, cluster.run("sinfo").stdout
    assert all(job.id in queue for job in cluster.seen().jobs if job.is_running)
    assert "down*" in nodes and "drain" in nodes
