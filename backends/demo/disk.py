"""Checkpoints of simulated jobs as they lie on disk, in Megatron's layout: the tracker file is written last."""

from __future__ import annotations

from .protocol import File, Files
from .simulation import Simulation
from .state import Checkpoint, SimJob

SHARDS = 8
SHARD_BYTES = 9_663_676_416
TRACKER = "latest_checkpointed_iteration.txt"
SHARDS_DONE = 0.85
"""Share of the time of a save after which all shards have their size; then the ranks agree and write the tracker."""


def list_files(sim: Simulation, job_id: str, directory: str) -> Files:
    """Files below `directory`, paths relative to it."""
    job = sim.jobs.get(job_id)
    if job is None:
        return Files((), f"job {job_id} is gone")
    asked = directory.rstrip("/")
    if job.checkpoint_dir != asked and not job.checkpoint_dir.startswith(f"{asked}/"):
        return Files((), f"find: '{directory}': No such file or directory")
    below = job.checkpoint_dir[len(asked) + 1 :]
    return Files(tuple(_below(below, file) for file in checkpoint_files(job, sim.now)))


def checkpoint_files(job: SimJob, now: float) -> list[File]:
    """Files below the job's checkpoint directory at `now`."""
    files = [file for checkpoint in job.checkpoints for file in _shards(checkpoint, now)]
    complete = [checkpoint for checkpoint in job.checkpoints if checkpoint.complete_at <= now]
    if complete:
        last = complete[-1]
        text = str(last.iteration)
        files.append(File(TRACKER, len(text), last.complete_at, text))
    return files


def _shards(checkpoint: Checkpoint, now: float) -> list[File]:
    """Ranks write at their own pace: some shards are there before others have begun."""
    share = min(1.0, (now - checkpoint.started) / (checkpoint.seconds * SHARDS_DONE))
    files: list[File] = []
    for rank in range(SHARDS):
        delay = rank / SHARDS * 0.3
        written = min(1.0, (share - delay) / (1.0 - delay))
        if written <= 0.0:
            continue
        modified = min(now, checkpoint.started + checkpoint.seconds * SHARDS_DONE)
        path = f"iter_{checkpoint.iteration:07d}/mp_rank_{rank:02d}/model_optim_rng.pt"
        files.append(File(path, int(SHARD_BYTES * written), modified))
    return files


def _below(folder: str, file: File) -> File:
    if not folder:
        return file
    return File(f"{folder}/{file.path}", file.size_bytes, file.modified, file.text)
