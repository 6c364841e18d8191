"""One turn of the feed: what is asked, how often, and what a failure of any part does."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from crashcart.backends.contract import CommandResult
from crashcart.backends.errors import BackendError, Denied, Malformed, Unreachable, Unsupported
from crashcart.backends.model import Batch, Job, Node, Queue
from crashcart.backends.slurm import BACKEND
from crashcart.backends.slurm.feed import SlurmFeed
from crashcart.backends.testing import Turns

from .recorded_slurm import RecordedSlurm, failed

DOWN = b"Slurmctld(primary) at login1 is DOWN\n*****************************************\n"


async def turn(feed: SlurmFeed) -> dict[str, Batch]:
    """The batches of one more turn, by kind."""
    found: dict[str, Batch] = {}
    async with asyncio.timeout(5), aclosing(feed.watch(Turns(1))) as items:
        while len(found) < 3:
            item = await anext(items)
            assert isinstance(item, Batch)
            found[item.kind] = item
    return found


async def test_a_turn_lists_nodes_queues_and_jobs_completely() -> None:
    batches = await turn(BACKEND.feed(RecordedSlurm().context()))
    assert all(batch.complete and batch.source == "slurm" and batch.cluster == "a100" for batch in batches.values())
    assert len({batch.when for batch in batches.values()}) == 1
    nodes, jobs, queues = (batches[kind].upserts for kind in ("node", "job", "queue"))
    assert [node.name for node in nodes if isinstance(node, Node)] == ["cpu01", "gpu01", "gpu02", "gpu03", "gpu04"]
    assert {job.id for job in jobs if isinstance(job, Job)} >= {"1", "2", "3", "3_0", "18+1"}
    assert next(job for job in jobs if isinstance(job, Job) and job.id == "1").gpu_map == (("gpu01", (0, 1, 2, 3)),)
    assert [(queue.name, queue.gpus_total) for queue in queues if isinstance(queue, Queue)] == [
        ("train", 32),
        ("debug", 32),
    ]


async def test_details_are_asked_once_while_the_same_jobs_run() -> None:
    slurm = RecordedSlurm()
    feed = BACKEND.feed(slurm.context())
    first = await turn(feed)
    second = await turn(feed)
    assert (slurm.times("squeue"), slurm.times("job")) == (2, 1)
    without_when = [[job.id, getattr(job, "gpu_map", None)] for job in second["job"].upserts if isinstance(job, Job)]
    assert without_when == [[job.id, job.gpu_map] for job in first["job"].upserts if isinstance(job, Job)]


async def test_details_are_asked_anew_when_a_job_starts_again() -> None:
    slurm = RecordedSlurm()
    feed = BACKEND.feed(slurm.context())
    await turn(feed)
    slurm.say["squeue"] = CommandResult("ok", 0, slurm.say["squeue"].stdout.replace(b"06:49:47", b"06:59:59"))
    await turn(feed)
    assert slurm.times("job") == 2


async def test_an_empty_queue_asks_for_no_details() -> None:
    slurm = RecordedSlurm()
    slurm.say["squeue"] = CommandResult("ok", 0)
    batches = await turn(BACKEND.feed(slurm.context()))
    assert batches["job"].upserts == () and batches["job"].complete
    assert slurm.times("job") == 0


async def test_a_dead_controller_is_told_without_waiting_for_the_others() -> None:
    slurm = RecordedSlurm()
    slurm.say["ping"] = CommandResult("failed", 1, DOWN)
    slurm.silent = {"node", "partition", "squeue"}
    with pytest.raises(Unreachable, match="slurmctld on login1 is down"):
        await turn(BACKEND.feed(slurm.context()))
    assert sorted(slurm.ended_early) == ["node", "partition", "squeue"]


async def test_a_dead_primary_with_a_living_backup_is_fine() -> None:
    slurm = RecordedSlurm()
    slurm.say["ping"] = CommandResult("ok", 0, DOWN + b"Slurmctld(backup) at login2 is UP\n")
    assert set(await turn(BACKEND.feed(slurm.context()))) == {"node", "job", "queue"}


@pytest.mark.parametrize(
    ("subject", "answer", "error"),
    [
        ("node", failed("slurm_load_node error: Unable to contact slurm controller (connect failure)"), Unreachable),
        ("squeue", failed("slurm_load_jobs error: Socket timed out on send/recv operation"), Unreachable),
        ("squeue", failed("slurm_load_jobs error: Access/permission denied"), Denied),
        ("node", failed("scontrol: error: Munge encode failed: munge: no such file"), Denied),
        ("squeue", failed("squeue: unrecognized option '--noconvert'"), Unsupported),
        ("partition", failed("something new"), Unreachable),
        ("node", CommandResult("unknown", None, detail="lost"), Unreachable),
        ("node", CommandResult("ok", 0, b"half a li", truncated=True), Malformed),
        ("node", CommandResult("ok", 0, b"<html>"), Malformed),
        ("squeue", CommandResult("ok", 0, b"\xff\xfe\x00"), Malformed),
        ("job", CommandResult("ok", 0, b"what"), Malformed),
        ("node", CommandResult("failed", 127, b"", b"sh: scontrol: not found"), Unreachable),
    ],
)
async def test_any_failure_is_one_error_of_its_kind(
    subject: str, answer: CommandResult, error: type[BackendError]
) -> None:
    slurm = RecordedSlurm()
    slurm.say[subject] = answer
    with pytest.raises(error):
        await turn(BACKEND.feed(slurm.context()))


async def test_a_missing_command_says_what_to_set() -> None:
    slurm = RecordedSlurm()
    slurm.say["ping"] = CommandResult("failed", 127, b"", b"sh: scontrol: not found")
    with pytest.raises(Unreachable, match="bin_dir"):
        await turn(BACKEND.feed(slurm.context()))


async def test_closing_in_the_middle_of_a_turn_calls_the_commands_off() -> None:
    slurm = RecordedSlurm()
    slurm.silent = {"node", "partition", "squeue", "ping"}
    waiting = asyncio.ensure_future(turn(BACKEND.feed(slurm.context())))
    async with asyncio.timeout(5):
        await slurm.all_silent.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert sorted(slurm.ended_early) == ["node", "partition", "ping", "squeue"]


async def test_each_poll_parts_its_rows_by_another_token() -> None:
    slurm = RecordedSlurm()
    feed = BACKEND.feed(slurm.context())
    await turn(feed)
    await turn(feed)
    tokens = {words[-1].partition("%")[0] for words in slurm.asked if "squeue" in words}
    assert len(tokens) == 2


async def test_commands_see_one_time_zone_and_no_defaults_of_the_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQUEUE_STATES", "PENDING")
    monkeypatch.setenv("SLURM_CLUSTERS", "other")
    slurm = RecordedSlurm()
    await turn(BACKEND.feed(slurm.context(env={"SLURM_CONF": "/etc/x.conf", "TZ": "Asia/Tokyo"})))
    assert all((env["TZ"], env["SLURM_CONF"], env["LC_ALL"]) == ("UTC0", "/etc/x.conf", "C") for env in slurm.envs)
    queue = next(words for words in slurm.asked if "squeue" in words)
    assert queue[: queue.index("squeue")] == ("env", "-u", "SQUEUE_STATES", "-u", "SLURM_CLUSTERS")


async def test_over_ssh_every_default_is_dropped_but_configured_ones() -> None:
    slurm = RecordedSlurm()
    await turn(BACKEND.feed(slurm.context(via="ssh:login1", env={"SLURM_CLUSTERS": "b"}, bin_dir="/opt/slurm/bin")))
    queue = next(words for words in slurm.asked if "/opt/slurm/bin/squeue" in words)
    assert "SQUEUE_USERS" in queue
    assert "SLURM_CLUSTERS" not in queue
