"""Nobody's free text passes for Slurm's own words: names, accounts, comments and reasons that look like fields."""

from __future__ import annotations

import pytest

from crashcart.backends.errors import Malformed
from crashcart.backends.model import Job, Node
from crashcart.backends.slurm.parse_details import parse_details
from crashcart.backends.slurm.parse_jobs import parse_squeue
from crashcart.backends.slurm.parse_nodes import parse_nodes

T = "~t~"


def row(**columns: str) -> str:
    """What squeue prints for one job when it is asked with the token T."""
    base = {
        "raw": "7", "shown": "7", "array": "7", "user": "alice", "partition": "train", "qos": "(null)",
        "state": "RUNNING", "reason": "None", "nodes": "1", "gres": "N/A", "priority": "10",
        "submit": "2026-11-25T06:00:00", "start": "2026-11-25T06:00:00", "end": "2026-12-02T06:00:00",
        "limit": "7-00:00:00", "list": "gpu01",
    }  # fmt: skip
    account, name = columns.pop("account", "(null)"), columns.pop("name", "train")
    return f"{T}{'|'.join({**base, **columns}.values())}{T}{account}{T}{name}\n"


def jobs(text: str) -> tuple[Job, ...]:
    return parse_squeue(text.encode(), token=T, cluster="a100", when=5.0).jobs


def node(line: str) -> Node:
    (found,) = parse_nodes(line.encode(), cluster="a100", when=5.0)
    return found


def test_a_row_in_a_name_is_no_row() -> None:
    other = row(raw="99", shown="99", array="99").replace(T, "~u~")
    (job,) = jobs(row(name=f"a\n{other}", account="x|y|z"))
    assert (job.id, job.account) == ("7", "x|y|z")
    assert job.name.startswith("a␊~u~99|99|")


def test_fields_in_a_name_are_only_a_name() -> None:
    name = "x Requeue=0 Nodes=gpu04 CPU_IDs=0 Mem=0 GRES=gpu:h100:8(IDX:0-7)"
    record = f"JobId=1 JobName={name} UserId=a(1) Account=(null) QOS=(null) Requeue=1 Restarts=2 BatchFlag=1\n"
    detail = parse_details(record.encode(), {"1": ("(null)", name)})["1"]
    assert (detail.requeueable, detail.restarts, detail.gpu_map) == (True, 2, None)


def test_fields_in_an_account_are_only_an_account() -> None:
    record = b"JobId=1 JobName=n UserId=a(1) Account=x Requeue=0 QOS=(null) Requeue=1 Restarts=2 BatchFlag=1\n"
    detail = parse_details(record, {"1": ("x Requeue=0", "n")})["1"]
    assert (detail.requeueable, detail.restarts) == (True, 2)


def test_fields_in_a_comment_change_none_that_matter() -> None:
    record = (
        b"JobId=1 JobName=n UserId=a(1) Account=(null) QOS=(null) Requeue=1 BatchFlag=1 JOB_GRES=gpu:h100:1   "
        b"Nodes=gpu01 CPU_IDs=0 Mem=0 GRES=gpu:h100:1(IDX:5) MinCPUsNode=1 WorkDir=/w "
        b"Comment=Requeue=0 Nodes=gpu02 CPU_IDs=0 Mem=0 GRES=gpu:h100:8(IDX:0-7) StdErr=/dev/null\n"
    )
    detail = parse_details(record, {"1": ("(null)", "n")})["1"]
    assert (detail.requeueable, detail.gpus, detail.gpu_map) == (True, 1, (("gpu01", (5,)),))


def test_a_forged_record_that_does_not_fit_the_listing_is_passed_over() -> None:
    real = "JobId=1 JobName=victim UserId=a(1) Account=(null) QOS=(null) Requeue=1 BatchFlag=1 MinCPUsNode=1"
    forged = "JobId=1 JobName=guess UserId=a(1) Account=(null) QOS=(null) Requeue=0 BatchFlag=1 MinCPUsNode=1"
    details = parse_details(f"{forged}\n{real}\n".encode(), {"1": ("(null)", "victim")})
    assert details["1"].requeueable is True


def test_a_job_renamed_between_the_two_readings_has_no_details() -> None:
    record = b"JobId=1 JobName=new UserId=a(1) Account=(null) QOS=(null) Requeue=1 BatchFlag=1\n"
    assert parse_details(record, {"1": ("(null)", "old")}) == {}


@pytest.mark.parametrize(
    ("text", "reason", "by"),
    [
        ("A=B State=IDLE Foo=x [y@z] [alice@2026-11-23T18:48:11]", "A=B State=IDLE Foo=x [y@z]", "alice"),
        ("fan [alice@2026-11-23T18:48:11] Comment=x [bob@2020-01-01T00:00:00]", "fan", "alice"),
        ("fan [alice@2026-11-23T18:48:11] Comment=c Extra=e", "fan", "alice"),
        ("no mark", "no mark", None),
        ("\x1b[2J [alice@2026-11-23T18:48:11]", "␛[2J", "alice"),
    ],
)
def test_a_reason_is_whole_and_its_mark_is_slurms_own(text: str, reason: str, by: str | None) -> None:
    found = node(f"NodeName=gpu01 State=DOWN+DRAIN ExtSensorsTemp=n/s Reason={text}")
    assert (found.state, found.reason, found.reason_by) == ("DOWN", reason, by)


def test_jitter_of_load_and_free_memory_is_no_change() -> None:
    first = node("NodeName=gpu01 State=IDLE CPULoad=18.57 FreeMem=13422")
    second = node("NodeName=gpu01 State=IDLE CPULoad=18.62 FreeMem=13380")
    assert first == second
    assert (first.load, first.memory_free_bytes) == (18.6, 13376 << 20)


@pytest.mark.parametrize(
    ("shown", "tasks"),
    [("9_[0-24999]", 25000), ("9_[1-55:2%2]", 28), ("9_[1,3,5-7]", 5), ("9_[1,3,5,...]", 3), ("9_[1,3,5,", 3)],
)
def test_tasks_of_an_array_however_slurm_folds_them(shown: str, tasks: int) -> None:
    (job,) = jobs(row(raw="9", shown=shown, array="9", state="PENDING", list="", start="N/A", end="N/A"))
    assert (job.id, job.array, job.array_tasks) == ("9", shown, tasks)


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
        jobs(text)
