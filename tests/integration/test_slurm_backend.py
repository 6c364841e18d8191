"""The slurm backend against a real slurmctld: what its feed lists, who may act, and what when nobody answers."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import TypeVar

import pytest

from crashcart.backends.contract import Change, Context
from crashcart.backends.entity import Kind
from crashcart.backends.errors import Denied, Unreachable
from crashcart.backends.model import AnyEntity, Batch, Job, Node, Queue
from crashcart.backends.slurm import BACKEND
from crashcart.backends.slurm.powers import SlurmPowers
from crashcart.backends.testing import Turns

from .slurm_cluster import NEEDED, NEEDED_FOR_ACCOUNTING, SlurmCluster
from .slurm_daemons import missing, until

pytestmark = pytest.mark.real

AS_NOBODY = 'exec setpriv --reuid=65534 --regid=65534 --clear-groups "$real" "$@"'

Named = TypeVar("Named", bound=AnyEntity)


@pytest.fixture(scope="module")
def accounting_cluster() -> Iterator[SlurmCluster]:
    """A smaller cluster with slurmdbd, for tests that break it."""
    if reason := missing(*NEEDED, *NEEDED_FOR_ACCOUNTING):
        pytest.skip(f"no Slurm accounting: {reason}")
    with SlurmCluster(gpu_nodes=1, dbd=True) as cluster:
        yield cluster


async def poll(context: Context) -> dict[Kind, Batch]:
    """The batches of one turn, by kind."""
    found: dict[Kind, Batch] = {}
    feed = BACKEND.feed(context)
    async with aclosing(feed.watch(Turns())) as watch:
        while len(found) < 3:
            batch = await anext(watch)
            assert isinstance(batch, Batch)
            found[batch.kind] = batch
    await feed.close()
    return found


def of(batch: Batch, kind: type[Named]) -> dict[str, Named]:
    """Entities of a batch by what comes behind the cluster in their key."""
    return {entity.key.partition("/")[2]: entity for entity in batch.upserts if isinstance(entity, kind)}


async def jobs_of(slurm: SlurmCluster) -> dict[str, Job]:
    return of((await poll(slurm.context()))["job"], Job)


async def nodes_of(slurm: SlurmCluster) -> dict[str, Node]:
    return of((await poll(slurm.context()))["node"], Node)


async def test_one_turn_lists_nodes_jobs_and_queues_completely(slurm: SlurmCluster) -> None:
    job = slurm.running("--gres=gpu:h100:3", "--nodelist=gpu01", "--job-name=pretrain")
    found = await poll(slurm.context())
    assert all(batch.complete and batch.cluster == slurm.name for batch in found.values())
    nodes = of(found["node"], Node)
    assert set(nodes) == set(slurm.nodes)
    assert (nodes["gpu01"].word, nodes["gpu02"].word) == ("mixed", "idle")
    assert (nodes["gpu01"].gpus_total, nodes["gpu01"].gpus_used, nodes["gpu01"].gpu_type) == (8, 3, "h100")
    assert nodes["gpu01"].gpus_used_indexes == (0, 1, 2)
    assert (nodes["cpu01"].gpus_total, nodes["cpu01"].gpus_used) == (0, 0)
    queues = of(found["queue"], Queue)
    assert (queues["train"].is_default, queues["train"].state, queues["train"].nodes_total) == (True, "UP", 4)
    assert queues["debug"].max_time_seconds == 3600
    assert set(of(found["job"], Job)) == {job}


async def test_a_running_job_says_which_gpus_it_has(slurm: SlurmCluster) -> None:
    first = slurm.running("--gres=gpu:h100:4", "--nodelist=gpu01")
    second = slurm.running("--gres=gpu:h100:2", "--nodes=2", "--nodelist=gpu01,gpu02")
    jobs = await jobs_of(slurm)
    assert jobs[first].gpu_map == (("gpu01", (0, 1, 2, 3)),)
    assert jobs[second].gpu_map == (("gpu01", (4, 5)), ("gpu02", (0, 1)))
    assert (jobs[second].gpus, jobs[second].node_count, jobs[second].node_list) == (4, 2, "gpu[01-02]")
    assert jobs[first].std_out == str(slurm.home / "out" / f"{first}.log")
    assert (jobs[first].user, jobs[first].requeueable, jobs[first].restarts) == ("root", True, 0)


async def test_times_are_true_whatever_the_zone_of_this_process(
    slurm: SlurmCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = time.time()
    job = slurm.submit("--begin=now+1hour")
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    seen = (await jobs_of(slurm))[job]
    assert seen.submit_time is not None and before - 2 <= seen.submit_time <= time.time() + 2
    assert seen.start_time is not None and abs(seen.start_time - seen.submit_time - 3600) <= 60


async def test_an_unstarted_array_is_one_entry_and_its_running_tasks_are_their_own(slurm: SlurmCluster) -> None:
    array = slurm.submit("--array=0-9%2", "--gres=gpu:h100:1")
    for task in (0, 1):
        slurm.wait_job(f"{array}_{task}", lambda seen: seen.get("JobState") == "RUNNING")
    jobs = await jobs_of(slurm)
    assert set(jobs) == {array, f"{array}_0", f"{array}_1"}
    assert (jobs[array].array, jobs[array].array_tasks, jobs[array].state) == (f"{array}_[2-9%2]", 8, "PENDING")
    assert jobs[f"{array}_1"].raw_id != jobs[f"{array}_0"].raw_id


async def test_a_waiting_job_says_why(slurm: SlurmCluster) -> None:
    first = slurm.running()
    after = slurm.submit(f"--dependency=afterok:{first}")
    held = slurm.submit("--hold")
    too_big = slurm.submit("--nodes=4", "--exclusive", "--gres=gpu:h100:8")
    slurm.wait_job(too_big, lambda seen: seen["Reason"] not in ("None", "Priority"))
    jobs = await jobs_of(slurm)
    assert (jobs[after].reason, jobs[held].reason) == ("Dependency", "JobHeldUser")
    assert jobs[held].priority == 0
    assert jobs[too_big].reason == "Resources"
    assert jobs[too_big].start_time is None or jobs[too_big].elapsed_seconds(time.time()) is None


async def test_a_drained_node_says_why_who_and_when(slurm: SlurmCluster) -> None:
    before = time.time()
    slurm.must("scontrol", "update", "nodename=gpu03", "state=drain", "reason=xid=79 [rack 12], GPU 3")
    node = (await nodes_of(slurm))["gpu03"]
    assert node.word == "drained"
    assert (node.reason, node.reason_by) == ("xid=79 [rack 12], GPU 3", "root")
    assert node.reason_at is not None and before - 2 <= node.reason_at <= time.time() + 2


async def test_a_draining_node_still_works_and_a_down_node_is_down(slurm: SlurmCluster) -> None:
    slurm.running("--nodelist=gpu02")
    slurm.must("scontrol", "update", "nodename=gpu02", "state=drain", "reason=later")
    slurm.must("scontrol", "update", "nodename=gpu04", "state=down", "reason=psu")
    nodes = await nodes_of(slurm)
    assert (nodes["gpu02"].word, nodes["gpu04"].word) == ("draining", "down")


async def test_a_users_free_text_forges_no_row_and_no_other_jobs_gpus(slurm: SlurmCluster) -> None:
    real = slurm.running("--gres=gpu:h100:4", "--nodelist=gpu01", "--job-name=real")
    rows = "x\n999|999|999|root|train|normal|RUNNING|None|1|N/A|1|N/A|N/A|N/A|1:00|gpu02\nJobId=998 JobName=y"
    fields = f"x\nJobId={real} JobName=real Requeue=0 Nodes=gpu01 CPU_IDs=0 Mem=1 GRES=gpu:h100:4(IDX:0-3)"
    forger = slurm.submit("--hold", f"--job-name={rows}", f"--comment={fields}")
    escape = slurm.submit("--hold", "--job-name=\x1b]0;title\x07 \u202ered")
    jobs = await jobs_of(slurm)
    assert set(jobs) == {real, forger, escape}
    assert jobs[real].requeueable is not False
    assert jobs[real].gpu_map in (None, (("gpu01", (0, 1, 2, 3)),))
    assert jobs[forger].gpu_map is None
    assert jobs[forger].name.startswith("x␊999|999")
    assert "\x1b" not in jobs[escape].name and "\u202e" not in jobs[escape].name


# powers


def forbidden(powers: SlurmPowers, node: str, job: str) -> list[Change]:
    """One change of each verb."""
    return [
        powers.drain(node, "not mine"),
        powers.reboot(node, "not mine"),
        powers.requeue(job),
        powers.requeue_hold(job),
        powers.hold(job),
        powers.cancel(job),
        powers.signal(job, "USR1", "batch"),
    ]


async def test_whoever_may_not_act_is_told_so_and_nothing_happens(slurm: SlurmCluster, tmp_path: Path) -> None:
    job = slurm.running("--nodelist=gpu01")
    commands = slurm.commands_directory(scontrol=AS_NOBODY, squeue=AS_NOBODY, scancel=AS_NOBODY)
    powers = BACKEND.powers(slurm.context(bin_dir=str(commands)))
    picture = await powers.observe()
    assert {node.name for node in picture.nodes} == set(slurm.nodes)
    for change in forbidden(powers, "gpu02", job):
        with pytest.raises(Denied) as caught:
            await powers.apply(change, timeout=10)
        assert "AdminLevel" in str(caught.value), change.text
    assert slurm.show_node("gpu02")["State"] == "IDLE"
    seen = slurm.show_job(job)
    assert (seen["JobState"], seen["Restarts"]) == ("RUNNING", "0")
    assert seen["Priority"] != "0"


async def test_a_refused_change_is_a_value_with_slurms_own_words(slurm: SlurmCluster) -> None:
    powers = BACKEND.powers(slurm.context())
    held = slurm.submit("--hold")
    for change, said in (
        (powers.resume("gpu01"), b"Invalid node state specified"),
        (powers.requeue(held), b"Job is pending execution"),
        (powers.hold("999999"), b"Invalid job id specified"),
    ):
        result = await powers.apply(change, timeout=10)
        assert result.state == "failed", change.text
        assert said in result.stderr + result.stdout


# nobody answers


async def test_a_missing_command_says_what_to_set(slurm: SlurmCluster, tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match=r"set bin_dir|reach it with"):
        await poll(slurm.context(bin_dir=str(tmp_path)))


async def test_accounting_adds_account_qos_and_the_gpus_of_a_queue(accounting_cluster: SlurmCluster) -> None:
    job = accounting_cluster.running("--gres=gpu:h100:8", "--account=ml", "--qos=high")
    found = await poll(accounting_cluster.context())
    seen = of(found["job"], Job)[job]
    assert (seen.account, seen.qos, seen.gpus) == ("ml", "high", 8)
    assert seen.gpu_map == (("gpu01", tuple(range(8))),)
    assert of(found["queue"], Queue)["train"].gpus_total == 8


async def test_a_killed_controller_is_unreachable_and_comes_back(accounting_cluster: SlurmCluster) -> None:
    context = accounting_cluster.context()
    await poll(context)
    accounting_cluster.daemons.stop("slurmctld")
    started = time.monotonic()
    with pytest.raises(Unreachable, match="slurmctld"):
        await poll(context)
    assert time.monotonic() - started < 25
    accounting_cluster.start_controller()
    until("slurmctld answers", lambda: accounting_cluster.run("sinfo").returncode == 0, 20)
    assert set(of((await poll(context))["node"], Node)) == {"gpu01", "cpu01"}


async def test_a_frozen_controller_is_unreachable_after_the_timeout(accounting_cluster: SlurmCluster) -> None:
    context = accounting_cluster.context(timeout_seconds=2.0)
    accounting_cluster.daemons.signal("slurmctld", signal.SIGSTOP)
    started = time.monotonic()
    try:
        with pytest.raises(Unreachable):
            await poll(context)
        assert time.monotonic() - started < 10
    finally:
        accounting_cluster.daemons.signal("slurmctld", signal.SIGCONT)
    assert len(await poll(accounting_cluster.context())) == 3
