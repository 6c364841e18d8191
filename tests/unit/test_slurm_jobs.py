"""`squeue` and `scontrol show job`: what is told, and that nobody's free text passes for Slurm's own."""

from __future__ import annotations

import pytest

from crashcart.backends.errors import Malformed
from crashcart.backends.model import Job
from crashcart.backends.slurm.parse_details import JobDetail, parse_details, with_detail
from crashcart.backends.slurm.parse_jobs import Listing, parse_squeue

from .recorded_slurm import ROW_MARK, VERSIONS, sample

T = "~t~"


def listing(version: str) -> Listing:
    return parse_squeue(sample(version, "squeue"), token=ROW_MARK, cluster="a100", when=5.0)


def detailed(version: str) -> dict[str, Job]:
    found = listing(version)
    details = parse_details(sample(version, "scontrol-show-job"), found.free_text)
    return {job.id: with_detail(job, details.get(job.raw_id)) for job in found.jobs}


def row(**columns: str) -> str:
    base = {
        "raw": "7", "shown": "7", "array": "7", "user": "alice", "partition": "train", "qos": "(null)",
        "state": "RUNNING", "reason": "None", "nodes": "1", "gres": "N/A", "priority": "10",
        "submit": "2026-11-25T06:00:00", "start": "2026-11-25T06:00:00", "end": "2026-12-02T06:00:00",
        "limit": "7-00:00:00", "list": "gpu01",
    }  # fmt: skip
    account, name = columns.pop("account", "(null)"), columns.pop("name", "train")
    return f"{T}{'|'.join({**base, **columns}.values())}{T}{account}{T}{name}\n"


def parse(text: str) -> tuple[Job, ...]:
    return parse_squeue(text.encode(), token=T, cluster="a100", when=5.0).jobs


@pytest.mark.parametrize("version", VERSIONS)
def test_a_running_job_with_its_gpus(version: str) -> None:
    job = detailed(version)["1"]
    assert (job.name, job.user, job.partition, job.state, job.reason) == ("train-llm", "root", "train", "RUNNING", None)
    assert (job.node_list, job.node_count, job.gpus) == ("gpu01", 1, 4)
    assert job.gpu_map == (("gpu01", (0, 1, 2, 3)),)
    assert (job.requeueable, job.restarts, job.account, job.qos) == (True, 0, None, None)
    assert job.time_limit_seconds == 604800.0
    assert job.work_dir == "/srv/jobs"
    assert job.start_time is not None and job.submit_time is not None
    assert job.elapsed_seconds(job.start_time + 60) == 60.0


@pytest.mark.parametrize("version", VERSIONS)
def test_a_job_over_two_nodes_has_indexes_on_each(version: str) -> None:
    job = detailed(version)["3"]
    assert (job.gpus, job.node_list, job.comment) == (6, "gpu[02-03]", "a b=c")
    assert job.gpu_map == (("gpu02", (0, 1, 2, 3, 4)), ("gpu03", (0,)))


@pytest.mark.parametrize("version", VERSIONS)
def test_an_unstarted_array_is_one_entry(version: str) -> None:
    jobs = detailed(version)
    assert (jobs["2"].array, jobs["2"].array_tasks, jobs["2"].state) == ("2_[2-5%2]", 4, "PENDING")
    assert (jobs["7"].array, jobs["7"].array_tasks) == ("7_[1,3,5,7]", 4)
    assert (jobs["2"].node_list, jobs["2"].gpu_map) == ("", None)


@pytest.mark.parametrize("version", VERSIONS)
def test_started_tasks_have_entries_of_their_own(version: str) -> None:
    task = detailed(version)["2_0"]
    assert task.raw_id not in ("2", "2_0")
    assert (task.array, task.array_tasks, task.gpus) == (None, 1, 2)
    assert task.gpu_map == (("gpu01", (4, 5)),)


@pytest.mark.parametrize("version", VERSIONS)
def test_gpus_are_known_however_they_were_asked_for(version: str) -> None:
    jobs = detailed(version)
    assert jobs["4"].gpus == 4  # --gpus-per-task=2 --ntasks=2
    assert jobs["7"].gpus == 2  # --gres=gpu:2
    assert jobs["6"].gpus == 0  # none


@pytest.mark.parametrize("version", VERSIONS)
def test_a_job_that_must_not_be_requeued_says_so(version: str) -> None:
    assert detailed(version)["6"].requeueable is False


@pytest.mark.parametrize("version", VERSIONS)
def test_fields_in_a_job_name_are_only_a_name(version: str) -> None:
    job = detailed(version)["5"]
    assert job.name == "x Requeue=0 GRES=gpu:h100:8(IDX:0-7)"
    assert (job.requeueable, job.gpus, job.gpu_map) == (True, 0, None)


def test_a_line_feed_in_a_name_harms_no_other_job() -> None:
    jobs = detailed("22.05")
    assert jobs["8"].name == "two␊JobId=1 JobName=train-llm UserId=root(0)"
    assert jobs["8"].account == "a|b requeue=0"
    assert jobs["1"].gpu_map == (("gpu01", (0, 1, 2, 3)),)
    assert len(jobs) == 10


def test_a_row_in_a_name_is_no_row() -> None:
    forged = row(name="a\n" + row(raw="99", shown="99").replace(T, "~u~") + "|1|2|3")
    (job,) = parse(forged)
    assert job.id == "7"


def test_a_forged_record_leaves_the_other_job_unknown_rather_than_wrong() -> None:
    free_text = {"1": ("(null)", "victim"), "2": ("(null)", "x")}
    real = "JobId=1 JobName=victim UserId=a(1) Account=(null) QOS=(null) Requeue=1 Restarts=0 BatchFlag=1 MinCPUsNode=1"
    own = "JobId=2 JobName=x UserId=b(2) Account=(null) QOS=(null) Requeue=1 BatchFlag=1 MinCPUsNode=1 Comment=c"
    forged = real.replace("Requeue=1", "Requeue=0")
    details = parse_details(f"{own}\n{forged}\n{real}\n".encode(), free_text)
    assert set(details) == {"2"}


def test_a_job_renamed_between_the_two_readings_has_no_details() -> None:
    record = b"JobId=1 JobName=new UserId=a(1) Account=(null) QOS=(null) Requeue=1 BatchFlag=1\n"
    assert parse_details(record, {"1": ("(null)", "old")}) == {}


def test_an_account_cannot_forge_fields_either() -> None:
    record = b"JobId=1 JobName=n UserId=a(1) Account=x Requeue=0 QOS=(null) Requeue=1 Restarts=2 BatchFlag=1\n"
    detail = parse_details(record, {"1": ("x Requeue=0", "n")})["1"]
    assert (detail.requeueable, detail.restarts) == (True, 2)


def test_a_job_that_is_no_batch_job_cannot_be_requeued() -> None:
    detail = JobDetail(None, None, True, 0, None, None, None, batch=False)
    (job,) = parse(row())
    assert with_detail(job, detail).requeueable is False


@pytest.mark.parametrize(
    ("shown", "tasks"),
    [
        ("9_[2-4%2]", 3),
        ("9_[0-24999]", 25000),
        ("9_[1-55:2%2]", 28),
        ("9_[1,3,5-7]", 5),
        ("9_[1,3,5,...]", 3),
        ("9_[1,3,5,", 3),
    ],
)
def test_tasks_of_an_array(shown: str, tasks: int) -> None:
    (job,) = parse(row(raw="9", shown=shown, array="9", state="PENDING", list="", start="N/A", end="N/A"))
    assert (job.id, job.array, job.array_tasks) == ("9", shown, tasks)
    assert job.elapsed_seconds(1e12) is None


def test_waiting_says_why_and_names_no_node() -> None:
    (job,) = parse(row(state="PENDING", reason="job requeued in held state", priority="0", list="(null)"))
    assert (job.reason, job.priority, job.node_list) == ("job requeued in held state", 0, "")


def test_an_empty_queue_is_no_jobs() -> None:
    assert parse("") == ()
    assert parse_details(b"No jobs in the system\n", {}) == {}


def test_a_heterogeneous_job_keeps_its_offset() -> None:
    (job,) = parse(row(raw="12", shown="11+1"))
    assert job.id == "11+1"


@pytest.mark.parametrize(
    "text",
    [
        "slurm_load_jobs error: Unable to contact slurm controller",
        row()[:-30],
        row(raw="seven"),
        row(shown="7; id"),
        row(state="running"),
        row(limit="soon"),
        row(submit="then"),
        row(qos="a|b"),
    ],
)
def test_what_is_no_job_is_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        parse(text)
