"""A change that a frozen slurmctld did not answer is unknown, for it comes true later; what must never widen one."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from crashcart.backends.errors import BadIdentifier, Unreachable
from crashcart.backends.slurm import BACKEND

from .slurm_cluster import SlurmCluster
from .slurm_daemons import until

pytestmark = pytest.mark.real


@contextmanager
def frozen_controller(slurm: SlurmCluster) -> Iterator[None]:
    """slurmctld stopped in its tracks: it takes connections and answers none."""
    slurm.daemons.signal("slurmctld", signal.SIGSTOP)
    try:
        yield
    finally:
        slurm.daemons.signal("slurmctld", signal.SIGCONT)


async def test_a_drain_that_got_no_answer_is_unknown_and_comes_true_later(slurm: SlurmCluster) -> None:
    powers = BACKEND.powers(slurm.context())
    with frozen_controller(slurm):
        result = await powers.apply(powers.drain("gpu01", "frozen"), timeout=1.0)
    assert (result.state, result.exit_status) == ("unknown", None)
    slurm.wait_node("gpu01", lambda node: "DRAIN" in node["State"])
    (node,) = await powers.observe_nodes(["gpu01"])
    assert (node.word, node.reason) == ("drained", "frozen")


async def test_a_dead_controller_is_told_at_once(slurm: SlurmCluster) -> None:
    powers = BACKEND.powers(slurm.context())
    slurm.daemons.stop("slurmctld")
    try:
        began = time.monotonic()
        with pytest.raises(Unreachable, match=r"slurmctld on .* is down"):
            await powers.observe()
        assert time.monotonic() - began < 5, "scontrol ping says so at once, the other commands try for 9 s"
    finally:
        slurm.start_controller()
        until("slurmctld answers", lambda: slurm.run("sinfo").returncode == 0, 20)


async def test_an_operators_own_defaults_neither_hide_jobs_nor_weaken_a_cancel(
    slurm: SlurmCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("SQUEUE_STATES", "PENDING"), ("SQUEUE_FORMAT2", "jobid"), ("SCANCEL_STATE", "PENDING")):
        monkeypatch.setenv(name, value)
    job = slurm.running()
    powers = BACKEND.powers(slurm.context())
    picture = await powers.observe()
    assert [(seen.id, seen.state) for seen in picture.jobs] == [(job, "RUNNING")]
    assert (await powers.apply(powers.cancel(job), timeout=10.0)).state == "ok"
    slurm.wait_job(job, lambda seen: seen.get("JobState") == "CANCELLED")


async def test_slurm_would_take_all_for_every_node_and_so_it_is_refused(slurm: SlurmCluster) -> None:
    powers = BACKEND.powers(slurm.context())
    with pytest.raises(BadIdentifier, match="every node"):
        powers.drain("all", "x")
    slurm.must("scontrol", "update", "nodename=all", "state=drain", "reason=this is why")
    assert all("DRAIN" in slurm.show_node(name)["State"] for name in slurm.nodes)


async def test_tasks_of_an_array_are_read_back_alone_and_with_their_bundle(slurm: SlurmCluster) -> None:
    array = slurm.submit("--array=1,3,5,7,9,11%1", "--gres=gpu:h100:1")
    slurm.wait_job(f"{array}_1", lambda seen: seen.get("JobState") == "RUNNING")
    powers = BACKEND.powers(slurm.context())
    (task,) = await powers.observe_jobs([f"{array}_1"])
    assert (task.state, task.gpu_map and len(task.gpu_map[0][1])) == ("RUNNING", 1)
    seen = {job.id: job for job in await powers.observe_jobs([array, "999999"])}
    assert set(seen) == {array, f"{array}_1"}
    assert seen[array].array_tasks == 5
