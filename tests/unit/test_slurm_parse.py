"""Slurm's text, as real 22.05 and 24.11 clusters wrote it, becomes nodes, jobs and queues."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from crashcart.backends.contract import Change, CommandResult
from crashcart.backends.errors import BackendError, Denied, Malformed, Unreachable, Unsupported
from crashcart.backends.model import Job, Node, Queue
from crashcart.backends.slurm.answers import explained
from crashcart.backends.slurm.client import failure, is_gone
from crashcart.backends.slurm.fields import duration, expand, fields, gpus, indexes, moment, whole
from crashcart.backends.slurm.parse_details import parse_details, with_detail
from crashcart.backends.slurm.parse_jobs import parse_squeue
from crashcart.backends.slurm.parse_nodes import MEMORY_STEP_BYTES, parse_nodes
from crashcart.backends.slurm.parse_queues import parse_ping, parse_queues, with_gpus

SAMPLES = Path(__file__).parents[1] / "data" / "slurm"
VERSIONS = ("22.05.8", "24.11.5")
ROW_MARK = "7f3a9c01"  # of the recorded listings

either_version = pytest.mark.parametrize("version", VERSIONS)


def sample(version: str, name: str) -> bytes:
    return (SAMPLES / version / f"{name}.txt").read_bytes()


def nodes_of(version: str, name: str = "show-node") -> dict[str, Node]:
    return {node.name: node for node in parse_nodes(sample(version, name), cluster="a", when=1.0)}


def jobs_of(version: str) -> dict[str, Job]:
    """Jobs with their details, by name; of an array or a heterogeneous job, by id."""
    listing = parse_squeue(sample(version, "squeue-all"), token=ROW_MARK, cluster="a", when=1.0)
    details = parse_details(sample(version, "show-job"), listing.free_text)
    jobs = [with_detail(job, details.get(job.raw_id)) for job in listing.jobs]
    return {job.id if job.name in ("sweep", "het") else job.name: job for job in jobs}


def queues_of(version: str) -> dict[str, Queue]:
    return {queue.name: queue for queue in parse_queues(sample(version, "show-partition"), cluster="a", when=1.0)}


# nodes


@either_version
def test_a_busy_node_has_counts_and_gpu_indexes(version: str) -> None:
    node = nodes_of(version)["gpu01"]
    assert (node.word, node.state, node.flags, node.version) == ("mixed", "MIXED", (), version)
    assert (node.gpus_total, node.gpus_used, node.gpu_type) == (8, 6, "h100")
    assert node.gpus_used_indexes == (0, 1, 2, 3, 4, 5)
    assert (node.cpus_total, node.memory_total_bytes) == (64, 512_000 << 20)
    assert node.memory_free_bytes is not None and node.memory_free_bytes % MEMORY_STEP_BYTES == 0
    assert (node.partitions, node.reason, node.reason_by) == (("train", "debug"), None, None)


@either_version
def test_a_reason_keeps_its_brackets_and_signs_apart_from_who_and_when(version: str) -> None:
    node = nodes_of(version)["gpu02"]
    assert node.word == "draining"
    assert (node.reason, node.reason_by) == ("crashcart:alice INC-7 xid 79, GPU 3 [rack 12] a=b", "root")
    assert node.reason_at is not None
    assert datetime.fromtimestamp(node.reason_at, UTC).date().isoformat() == "2026-11-25"


@either_version
def test_a_node_without_gpus_uses_none_of_them(version: str) -> None:
    node = nodes_of(version)["cpu01"]
    assert (node.gpus_total, node.gpus_used, node.gpu_type) == (0, 0, None)


@either_version
def test_states_of_nodes_in_trouble(version: str) -> None:
    nodes = nodes_of(version, "show-node-maintenance")
    assert {name: node.word for name, node in nodes.items()} == {
        "cpu01": "maint", "gpu01": "draining", "gpu02": "reboot", "gpu03": "down", "gpu04": "down",
    }  # fmt: skip
    assert nodes["gpu01"].flags == ("DRAIN", "REBOOT_REQUESTED")
    assert nodes["gpu02"].flags == ("DRAIN", "REBOOT_ISSUED")
    assert nodes["gpu04"].flags == ("FAIL",)
    assert nodes["gpu03"].reason == "psu"
    assert (nodes["gpu03"].gpus_used, nodes["gpu03"].gpus_used_indexes) == (0, ())


@pytest.mark.parametrize(
    ("state", "base", "flags"),
    [
        ("IDLE*", "IDLE", ("NOT_RESPONDING",)),
        ("DOWN*+DRAIN", "DOWN", ("DRAIN", "NOT_RESPONDING")),
        ("IDLE+CLOUD+POWERED_DOWN", "IDLE", ("CLOUD", "POWERED_DOWN")),
        ("MIXED+PLANNED", "MIXED", ("PLANNED",)),
        ("ALLOCATED+COMPLETING", "ALLOCATED", ("COMPLETING",)),
        ("UNKNOWN+INVALID_REG", "UNKNOWN", ("INVALID_REG",)),
        ("IDLE+DYNAMIC_NORM", "IDLE", ("DYNAMIC_NORM",)),
    ],
)
def test_a_state_is_a_base_and_flags(state: str, base: str, flags: tuple[str, ...]) -> None:
    (node,) = parse_nodes(f"NodeName=n1 State={state}".encode(), cluster="a", when=1.0)
    assert (node.state, node.flags) == (base, flags)


def test_what_slurm_does_not_say_is_not_known() -> None:
    (node,) = parse_nodes(b"NodeName=n1 State=IDLE FreeMem=N/A CPULoad=N/A BootTime=None", cluster="a", when=1.0)
    assert (node.gpus_total, node.gpus_used, node.memory_free_bytes, node.load, node.boot_time) == (None,) * 5


def test_several_kinds_of_gpu_are_summed_and_an_index_missing_once_is_missing() -> None:
    line = b"NodeName=n1 State=MIXED Gres=gpu:h100:4(S:0),gpu:a100:2 GresUsed=gpu:h100:1(IDX:3),gpu:a100:1"
    (node,) = parse_nodes(line, cluster="a", when=1.0)
    assert (node.gpus_total, node.gpus_used, node.gpus_used_indexes) == (6, 2, None)


@pytest.mark.parametrize(
    "line",
    [b"hello", b"NodeName=n1", b"State=IDLE", b"NodeName=-oProxy State=IDLE", b"NodeName=n1 State=\x1b[31m"],
)
def test_what_is_no_node_is_malformed(line: bytes) -> None:
    with pytest.raises(Malformed):
        parse_nodes(line, cluster="a", when=1.0)


def test_an_unknown_node_is_none_and_no_fault() -> None:
    assert parse_nodes(sample("24.11.5", "error-no-node"), cluster="a", when=1.0) == ()


# jobs


@either_version
def test_a_running_job_has_its_gpus_by_node(version: str) -> None:
    jobs = jobs_of(version)
    assert jobs["pretrain-7b"].gpu_map == (("gpu01", (0, 1, 2, 3)),)
    assert jobs["two nodes"].gpu_map == (("gpu01", (4, 5)), ("gpu02", (0, 1)))
    assert (jobs["two nodes"].gpus, jobs["two nodes"].node_count) == (4, 2)
    assert (jobs["gpus-total"].gpus, jobs["gpus-total"].gpu_map) == (4, (("gpu02", (2, 3, 4, 5)),))
    assert (jobs["fragile"].gpus, jobs["fragile"].gpu_map) == (0, None)


@either_version
def test_arrays_are_bundled_until_their_tasks_start(version: str) -> None:
    jobs = jobs_of(version)
    assert (jobs["3"].array, jobs["3"].array_tasks, jobs["3"].is_pending) == ("3_[2-5%2]", 4, True)
    assert (jobs["3_0"].array, jobs["3_0"].array_tasks, jobs["3_0"].raw_id) == (None, 1, "6")
    assert (jobs["stepped"].array, jobs["stepped"].array_tasks) == ("4_[2,8,14,20,31]", 5)


@either_version
def test_a_waiting_job_says_why_and_has_no_nodes(version: str) -> None:
    jobs = jobs_of(version)
    reasons = {name: jobs[name].reason for name in ("after", "later", "held", "3", "requeued", "requeue-hold")}
    assert reasons == {
        "after": "Dependency", "later": "BeginTime", "held": "JobHeldAdmin", "3": "JobArrayTaskLimit",
        "requeued": "BeginTime", "requeue-hold": "job requeued in held state",
    }  # fmt: skip
    assert jobs["big"].reason is not None and jobs["big"].reason.startswith("Nodes required for job are DOWN, DRAINED")
    assert (jobs["big"].partition, jobs["big"].gpus, jobs["big"].node_list) == ("train,debug", 32, "")
    assert jobs["after"].start_time is None
    assert (jobs["held"].priority, jobs["requeue-hold"].priority) == (0, 0)


@either_version
def test_whether_a_job_may_be_requeued_and_how_often_it_was(version: str) -> None:
    jobs = jobs_of(version)
    assert (jobs["pretrain-7b"].requeueable, jobs["pretrain-7b"].restarts) == (True, 0)
    assert jobs["requeued"].restarts == 1
    assert jobs["fragile"].requeueable is False
    assert jobs["interactive"].requeueable is False, "no batch job, whatever Requeue says"


@either_version
def test_ended_and_suspended_jobs_keep_their_state(version: str) -> None:
    jobs = jobs_of(version)
    states = {name: jobs[name].state for name in ("done", "failed", "cancelled", "suspended")}
    assert states == {"done": "COMPLETED", "failed": "FAILED", "cancelled": "CANCELLED", "suspended": "SUSPENDED"}


@either_version
def test_parts_of_a_heterogeneous_job_have_details_of_their_own(version: str) -> None:
    jobs = jobs_of(version)
    assert {"18+0", "18+1"} <= jobs.keys()
    assert jobs["18+0"].gpu_map is not None and jobs["18+0"].requeueable is True
    assert (jobs["18+1"].gpus, jobs["18+1"].gpu_map) == (0, None)


@either_version
def test_files_times_and_limits(version: str) -> None:
    job = jobs_of(version)["pretrain-7b"]
    assert (job.work_dir, job.std_out) == ("/srv/slurm/out", "/srv/slurm/out/1.log")
    assert job.time_limit_seconds == 7 * 86_400
    assert job.start_time is not None and job.end_time is not None
    assert job.end_time - job.start_time == 7 * 86_400
    assert jobs_of(version)["big"].time_limit_seconds == 1800
    assert jobs_of(version)["fragile"].time_limit_seconds == 50 * 60


@either_version
def test_free_text_is_shown_harmless_and_whole(version: str) -> None:
    jobs = jobs_of(version)
    assert "a|b  c|d" in jobs
    assert "line␊feed|bar" in jobs
    assert "großé ␛[31mred␛[0m <U+202E>evil" in jobs
    assert jobs["pretrain-7b"].comment == "resume from State=DOWN JobId=7 = ok"
    assert jobs["line␊feed|bar"].comment == "two␊lines JobId=1 JobName=x"


@either_version
def test_every_listed_job_has_its_details(version: str) -> None:
    assert [name for name, job in jobs_of(version).items() if job.restarts is None] == []


def test_an_empty_queue_is_empty_and_another_token_is_malformed() -> None:
    assert parse_squeue(sample("22.05.8", "squeue-empty"), token=ROW_MARK, cluster="a", when=1.0).jobs == ()
    with pytest.raises(Malformed):
        parse_squeue(sample("22.05.8", "squeue-all"), token=ROW_MARK[::-1], cluster="a", when=1.0)


def test_no_jobs_have_no_details() -> None:
    assert parse_details(b"No jobs in the system\n", {}) == {}


def forged(victim: str) -> bytes:
    """A job of somebody else whose comment holds a line of its own for `victim`."""
    name = "pretrain-7b" if victim == "1" else "x"
    line = f"JobId={victim} JobName={name} UserId=root(0) Account=(null) QOS=(null) Requeue=0 BatchFlag=1 MinCPUsNode=1"
    return f"JobId=77 JobName=mine UserId=eve(9) Account=(null) QOS=(null) MinCPUsNode=1 Comment=a\n{line}\n".encode()


def test_a_job_told_of_twice_counts_as_not_told_of() -> None:
    free_text = parse_squeue(sample("24.11.5", "squeue-all"), token=ROW_MARK, cluster="a", when=1.0).free_text
    details = parse_details(forged("1") + sample("24.11.5", "show-job"), free_text)
    assert "1" not in details
    assert details["2"].requeueable is True


def test_details_of_a_job_that_is_not_listed_are_not_believed() -> None:
    free_text = parse_squeue(sample("24.11.5", "squeue-all"), token=ROW_MARK, cluster="a", when=1.0).free_text
    assert "999" not in parse_details(forged("999") + sample("24.11.5", "show-job"), free_text)


# queues and controllers


@either_version
def test_queues_say_default_size_and_limit(version: str) -> None:
    queues = queues_of(version)
    train, debug = queues["train"], queues["debug"]
    assert (train.is_default, train.state, train.node_list, train.nodes_total) == (True, "UP", "gpu[01-04]", 4)
    assert (train.max_time_seconds, debug.max_time_seconds) == (7 * 86_400, 3600)
    assert (debug.is_default, debug.nodes_total, debug.priority) == (False, 5, 1)


@either_version
def test_gpus_of_a_queue_are_those_of_its_nodes_without_accounting(version: str) -> None:
    queues = with_gpus(tuple(queues_of(version).values()), tuple(nodes_of(version).values()))
    assert {queue.name: queue.gpus_total for queue in queues} == {"train": 32, "debug": 32}


def test_gpus_of_a_queue_are_slurms_own_count_where_it_counts() -> None:
    line = b"PartitionName=p State=UP TRES=cpu=8,node=1,gres/gpu=16,gres/gpu:h100=16"
    (queue,) = parse_queues(line, cluster="a", when=1.0)
    assert queue.gpus_total == 16


@either_version
def test_ping_tells_which_controller_is_up(version: str) -> None:
    assert parse_ping(sample(version, "ping-up")) == [("head1", True)]
    assert parse_ping(sample(version, "ping-down")) == [("head1", False)]
    assert parse_ping(b"Slurmctld(primary) at a is DOWN\nSlurmctld(backup) at b is UP\n") == [("a", False), ("b", True)]


# refusals


def refused(version: str, name: str, status: int = 1) -> CommandResult:
    return CommandResult("failed", status, stderr=sample(version, f"error-{name}"))


@either_version
@pytest.mark.parametrize(
    ("name", "kind"), [("no-controller", Unreachable), ("option", Unsupported), ("drain-no-reason", Unreachable)]
)
def test_a_failed_reading_is_the_error_it_calls_for(version: str, name: str, kind: type[BackendError]) -> None:
    error = failure(refused(version, name), ("squeue", "-h"), "local")
    assert type(error) is kind
    assert "squeue -h on local" in str(error)


@pytest.mark.parametrize(
    "said", ["slurm_update error: Invalid user id", "Access/permission denied for job 1", "scancel: error: munge: none"]
)
def test_a_refusal_of_rights_is_denied(said: str) -> None:
    change = Change("1", "scancel 1", ("scancel", "1"))
    with pytest.raises(Denied, match="AdminLevel"):
        explained(CommandResult("failed", 210, stderr=said.encode()), change, "local")


@either_version
@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("requeue-disabled", "may not requeue this job"),
        ("requeue-pending", "waits in the queue already"),
        ("resume-idle", "nothing to resume"),
        ("drain-no-reason", "wants a reason"),
    ],
)
def test_a_refused_change_says_what_it_means_and_what_slurm_said(version: str, name: str, meaning: str) -> None:
    result = explained(refused(version, name), Change("1", "x", ("x",)), "local")
    assert result.state == "failed"
    assert meaning in result.detail
    assert sample(version, f"error-{name}").decode().strip() in result.detail


def test_a_change_without_an_answer_is_unknown_and_one_that_never_left_is_an_error() -> None:
    change = Change("1", "scancel 1", ("scancel", "1"))
    lost = CommandResult("failed", 1, stderr=b"slurm_update error: Socket timed out on send/recv operation")
    assert explained(lost, change, "local").state == "unknown"
    with pytest.raises(Unreachable):
        explained(refused("22.05.8", "no-controller"), change, "local")


@either_version
def test_a_job_that_is_gone_is_told_from_a_failure(version: str) -> None:
    assert is_gone(refused(version, "no-job"))
    assert is_gone(refused(version, "squeue-no-job"))
    assert not is_gone(refused(version, "no-controller"))


# small pieces


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7-00:00:00", 604_800), ("1-12", 129_600), ("1:30:00", 5400), ("10:00", 600), ("90", 5400), ("0:05", 5),
        ("UNLIMITED", None), ("Partition_Limit", None), ("INVALID", None), (None, None),
    ],
)  # fmt: skip
def test_durations(text: str | None, seconds: float | None) -> None:
    assert duration(text) == seconds


def test_times_are_read_as_utc() -> None:
    assert moment("1970-01-02T00:00:00") == 86_400
    assert (moment("Unknown"), moment("N/A"), moment("None")) == (None, None, None)
    with pytest.raises(Malformed):
        moment("yesterday")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("gpu:h100:4(IDX:0-3)", (4, "h100", (0, 1, 2, 3))), ("gres:gpu:2", (2, None, None)),
        ("gres/gpu:h100:2", (2, "h100", None)), ("gpu:0", (0, None, ())), ("gpu:h100:0(IDX:N/A)", (0, "h100", ())),
        ("gpu:a100_3g.20gb:2(IDX:0,5)", (2, "a100_3g.20gb", (0, 5))), ("shard:4", None), ("(null)", None),
    ],
)  # fmt: skip
def test_gres(text: str, expected: tuple[int, str | None, tuple[int, ...] | None] | None) -> None:
    found = gpus(text)
    assert (found and (found.count, found.type, found.indexes)) == expected


def test_numbers_lists_and_fields() -> None:
    assert (whole("42"), whole("4-8"), whole("(null)")) == (42, 4, None)
    assert indexes("0-2,7") == (0, 1, 2, 7)
    assert expand("gpu[01-03],login1") == ("gpu01", "gpu02", "gpu03", "login1")
    assert fields("A=1 B=x y Cc/d:e= F=2 A=9") == {"A": "1", "B": "x y", "Cc/d:e": "", "F": "2"}
    for bad in ("n[1-", "@group", "n[1-999999999]", "a b"):
        with pytest.raises(Malformed):
            expand(bad)
