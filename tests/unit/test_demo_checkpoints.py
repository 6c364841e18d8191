"""Checkpoints of simulated jobs: they appear over two seconds, the tracker file last, and prove themselves."""

from __future__ import annotations

from crashcart.backends.demo.protocol import AskFiles, AskSignals, Caught, Files
from crashcart.backends.model import Job
from tests.demo_world import HandCluster

TRACKER = "latest_checkpointed_iteration.txt"


def files(cluster: HandCluster, job: Job, directory: str | None = None) -> Files:
    listed = cluster.ask(AskFiles(job.id, directory or f"{job.work_dir}/checkpoints"))
    assert isinstance(listed, Files)
    return listed


def iterations(listed: Files) -> set[str]:
    return {file.path.split("/")[0] for file in listed.files if file.path.startswith("iter_")}


def size(listed: Files, iteration: str) -> int:
    return sum(file.size_bytes for file in listed.files if file.path.startswith(f"{iteration}/"))


def tracker(listed: Files) -> str:
    return next(file.text or "" for file in listed.files if file.path == TRACKER)


def test_a_signal_makes_a_job_with_a_handler_write_a_checkpoint() -> None:
    cluster = HandCluster()
    job = cluster.job_named("llm-70b-pretrain")
    before = files(cluster, job)
    cluster.run(f"scancel --signal=USR1 --batch {job.id}")
    cluster.wait(1)
    writing = files(cluster, job)
    (new,) = iterations(writing) - iterations(before)
    assert tracker(writing) == tracker(before), "the tracker is written last"
    whole = size(before, min(iterations(before)))
    assert 0 < size(writing, new) < whole
    cluster.wait(2)
    landed = files(cluster, job)
    assert size(landed, new) == whole
    assert f"iter_{int(tracker(landed)):07d}" == new
    after = cluster.job(job.id)
    assert after is not None
    assert (after.checkpoint_time or 0) > (job.checkpoint_time or 0)
    assert (after.state, after.restarts) == ("RUNNING", job.restarts), "it runs on"


def test_a_hung_job_writes_nothing() -> None:
    cluster = HandCluster()
    job = cluster.job_named("rlhf-ppo-34b")
    before = files(cluster, job)
    cluster.run(f"scancel --signal=USR1 --batch {job.id}")
    cluster.wait(20)
    assert files(cluster, job) == before
    after = cluster.job(job.id)
    assert after is not None and after.state == "RUNNING"


def test_files_are_found_from_the_work_directory_too() -> None:
    cluster = HandCluster()
    job = cluster.job_named("llm-70b-pretrain")
    below = files(cluster, job, job.work_dir)
    assert {file.path for file in below.files} == {f"checkpoints/{file.path}" for file in files(cluster, job).files}


def test_other_directories_are_not_there() -> None:
    cluster = HandCluster()
    job = cluster.job_named("llm-70b-pretrain")
    assert "No such file" in files(cluster, job, "/etc").why
    assert "No such file" in files(cluster, job, f"{job.work_dir}/check").why


def test_handled_signals_are_those_that_save() -> None:
    cluster = HandCluster()
    job = cluster.job_named("llm-70b-pretrain")
    assert cluster.ask(AskSignals(job.id)) == Caught(("TERM", "USR1"))
    deaf = cluster.job_named("captions-relabel")
    assert cluster.ask(AskSignals(deaf.id)) == Caught(())
    assert cluster.ask(AskSignals("999999")) == Caught(None)


def test_jobs_save_themselves_from_time_to_time_and_keep_three() -> None:
    cluster = HandCluster()
    job = cluster.job_named("sft-code-34b")
    cluster.wait(4000)
    listed = files(cluster, job)
    assert len(iterations(listed)) == 3
    after = cluster.job(job.id)
    assert after is not None and (after.checkpoint_time or 0) > cluster.now - 1000


def test_work_after_a_requeue_goes_on_from_the_last_checkpoint() -> None:
    cluster = HandCluster()
    job = cluster.job_named("sft-code-34b")
    last = int(tracker(files(cluster, job)))
    cluster.run(f"scontrol requeue {job.id}")
    cluster.wait(60)
    cluster.run(f"scancel --signal=USR1 --batch {job.id}")
    cluster.wait(5)
    assert last < int(tracker(files(cluster, job))) < last + 60


def test_the_comment_tells_how_to_ask() -> None:
    job = HandCluster().job_named("llm-70b-pretrain")
    assert job.comment is not None
    assert job.comment.startswith("crashcart-ckpt:signal=USR1,target=batch,")
    assert job.comment.endswith(f"dir={job.work_dir}/checkpoints")
