"""Checkpoints on a real Slurm cluster: proven by what is on disk, refused where the signal would kill the job."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from crashcart.ops.session import ClusterSession

from .executor_desk import Desk
from .slurm_cluster import SlurmCluster

pytestmark = pytest.mark.real

PROFILE = {
    "match_name": "checkpointing-job.sh",
    "signal": "USR1",
    "target": "batch",
    "continues": True,
    "directory": "{work_dir}/checkpoints",
    "layout": "megatron",
    "seconds": 20.0,
}


@pytest.fixture
async def desk(slurm: SlurmCluster, tmp_path: Path) -> AsyncIterator[Desk]:
    cluster = ClusterSession(slurm.name, backends={"slurm": slurm.table()}, checkpoint=(PROFILE,))
    async with Desk(cluster, tmp_path) as desk:
        yield desk


async def test_a_complete_new_checkpoint_proves_it_and_the_job_runs_on(slurm: SlurmCluster, desk: Desk) -> None:
    where = slurm.directory()
    job = slurm.running("--gres=gpu:h100:8", directory=where)
    result = await desk.act_on("checkpoint", job)
    assert result.state == "VERIFIED", result
    assert "iter_0000120" in result.seen
    assert (where / "checkpoints" / "latest_checkpointed_iteration.txt").read_text() == "120"
    assert slurm.show_job(job)["JobState"] == "RUNNING"


async def test_a_job_that_would_die_of_the_signal_is_not_signalled(slurm: SlurmCluster, desk: Desk) -> None:
    job = slurm.running(script="deaf-job.sh")
    refused = await desk.refused("checkpoint", job)
    assert refused.code == "unavailable"
    assert "does not handle SIGUSR1" in refused.why
    assert slurm.show_job(job)["JobState"] == "RUNNING"


async def test_a_script_that_only_looks_as_if_it_handled_the_signal_is_warned_of(
    slurm: SlurmCluster, desk: Desk
) -> None:
    job = slurm.running(script="exit-trap-job.sh")
    plan = await desk.plan("checkpoint", job)
    assert any("is not known; a program that does not is killed by it" in said for said in plan.targets[0].warnings)


async def test_without_a_directory_it_is_signalled_and_not_proven(slurm: SlurmCluster, desk: Desk) -> None:
    where = slurm.directory()
    job = slurm.running("--job-name=unknown", directory=where)
    plan = await desk.plan("checkpoint", job)
    assert "no checkpoint profile covers this job" in " ".join(plan.targets[0].warnings)
    result = await desk.act_on("checkpoint", job)
    assert result.state == "UNKNOWN"
    assert "signalled, not proven" in result.detail
    slurm.wait_text(where / f"{job}.log", "saved 120")


async def test_the_jobs_own_comment_says_where_it_saves(slurm: SlurmCluster, desk: Desk) -> None:
    where = slurm.directory()
    comment = f"crashcart-ckpt:signal=USR1,target=batch,dir={where}/checkpoints,layout=megatron,seconds=20"
    job = slurm.running("--job-name=own", f"--comment={comment}", directory=where)
    result = await desk.act_on("checkpoint", job)
    assert result.state == "VERIFIED", result


async def test_a_checkpoint_that_never_comes_is_unknown_and_not_success(slurm: SlurmCluster, desk: Desk) -> None:
    where, elsewhere = slurm.directory(), slurm.directory()
    job = slurm.running("--job-name=elsewhere", directory=where)
    result = await desk.act_on("checkpoint", job, directory=str(elsewhere), layout="megatron", seconds="1")
    assert result.state == "UNKNOWN"
    assert "no new checkpoint" in result.detail
