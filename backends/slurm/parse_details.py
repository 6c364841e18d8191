"""`scontrol show job -d -o` to what squeue cannot tell: GPU indexes, restarts, whether it may be requeued, its files.

Its lines hold the user's own text unquoted: a job's name may look like fields, or like another job's line. So the free
text that squeue told apart is taken out first, and a job that is told of twice counts as not told of.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from crashcart.backends.errors import Malformed
from crashcart.backends.model import Job
from crashcart.backends.text import clean

from .fields import Fields, expand, fields, gpus, told, whole

_RECORD = re.compile(r"^(?=JobId=\d{1,12} )", re.MULTILINE)
_SHARED = re.compile(r"Nodes=(\S+) CPU_IDs=\S* Mem=\S* GRES=(\S*)")
_COMMENT = re.compile(r" Comment=(.*?)(?= +StdErr=| +(?:Power|TresPer\w+)=|\s*\Z)", re.DOTALL)
_OWN = " MinCPUsNode="
"""Behind this key come the job's own paths and comments; what matters for others stands before it."""


class JobDetail(msgspec.Struct, frozen=True):
    """What `scontrol show job -d` knows besides squeue."""

    gpus: int | None
    gpu_map: tuple[tuple[str, tuple[int, ...]], ...] | None
    requeueable: bool | None
    restarts: int | None
    work_dir: str | None
    std_out: str | None
    comment: str | None
    batch: bool


def parse_details(raw: bytes, free_text: Mapping[str, tuple[str, str]]) -> dict[str, JobDetail]:
    """Details by raw id of the jobs in `free_text` (account and name by raw id). Raises Malformed."""
    found: dict[str, list[str]] = defaultdict(list)
    for raw_id, record in _records(raw.decode("utf-8", "backslashreplace")):
        system_text = _without(record, *free_text[raw_id]) if raw_id in free_text else None
        if system_text is not None:
            found[raw_id].append(system_text)
    return {raw_id: _detail(texts[0]) for raw_id, texts in found.items() if len(texts) == 1}


def _records(text: str) -> Iterator[tuple[str, str]]:
    before, *records = _RECORD.split(text)
    if before.strip() and not before.startswith("No jobs in the system"):
        raise Malformed(f"not a job: {clean(before, limit=120)}")
    for record in records:
        yield record[len("JobId=") : record.index(" ")], record


def _without(record: str, account: str, name: str) -> str | None:
    """The record less its free text; None when it holds another, as of a job renamed in between."""
    for following in ("UserId", "HetJobIdSet"):
        head, found, rest = record.partition(f" JobName={name} {following}=")
        if found:
            break
    else:
        return None
    before, found, after = f"{head} {following}={rest}".partition(f" Account={account} QOS=")
    return f"{before} QOS={after}" if found else None


def _detail(record: str) -> JobDetail:
    system, key, own = record.partition(_OWN)
    facts, private = fields(system), fields(key + own)
    requeue, comment = whole(facts.get("Requeue")), _COMMENT.search(own)
    return JobDetail(
        gpus=_gpus(facts, private),
        gpu_map=_gpu_map(system),
        requeueable=None if requeue is None else requeue == 1,
        restarts=whole(facts.get("Restarts")),
        work_dir=told(private.get("WorkDir")),
        std_out=told(private.get("StdOut")),
        comment=told(comment[1].strip()) if comment else None,
        batch=facts.get("BatchFlag") == "1",
    )


def _gpus(facts: Fields, private: Fields) -> int | None:
    """GPUs of the whole job: what it was given, else what it asks for in all or by task."""
    given = gpus(facts.get("JOB_GRES"))
    if given is not None:
        return given.count
    for key in ("AllocTRES", "ReqTRES", "TRES"):
        counted = re.search(r"(?:\A|,)gres/gpu=(\d{1,12})(?:,|\Z)", facts.get(key, ""))
        if counted:
            return int(counted[1])
    in_all, by_task = gpus(private.get("TresPerJob")), gpus(private.get("TresPerTask"))
    tasks = whole(facts.get("NumTasks"))
    if in_all is not None:
        return in_all.count
    if by_task is not None and tasks is not None:
        return by_task.count * tasks
    asks_for_none = "NumTasks" in facts and not any(key.startswith("TresPer") for key in private)
    return 0 if asks_for_none or "JOB_GRES" in facts else None


def _gpu_map(system: str) -> tuple[tuple[str, tuple[int, ...]], ...] | None:
    """GPU indexes by node from `Nodes=g[1-2] CPU_IDs=.. Mem=.. GRES=gpu:h100:4(IDX:0-3)` groups."""
    found: list[tuple[str, tuple[int, ...]]] = []
    for match in _SHARED.finditer(system):
        gres = gpus(match[2])
        if gres is None:
            continue
        if gres.indexes is None:
            return None
        found += [(name, gres.indexes) for name in expand(match[1])]
    return tuple(found) or None


def with_detail(job: Job, detail: JobDetail | None) -> Job:
    """The job with what its detail adds."""
    if detail is None:
        return job
    more: dict[str, Any] = {
        "requeueable": detail.requeueable if detail.batch else False,
        "restarts": detail.restarts,
        "work_dir": detail.work_dir,
        "std_out": detail.std_out,
        "comment": detail.comment,
        "gpus": job.gpus if detail.gpus is None else detail.gpus,
    }
    if job.is_running:
        more["gpu_map"] = detail.gpu_map
    return msgspec.structs.replace(job, **more)
