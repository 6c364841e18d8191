"""`squeue` to jobs, and `scontrol show job -d -o` to what squeue cannot tell."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from crashcart.backends.errors import Malformed
from crashcart.backends.model import Job
from crashcart.backends.text import clean

from .fields import Fields, duration, expand, fields, gpus, lines, moment, told, whole

SQUEUE_FORMAT = "%A|%i|%F|%K|%u|%a|%P|%q|%T|%r|%D|%b|%Q|%V|%S|%e|%l|%N|%j"
"""raw id, display id, array id, task, user, account, partition, QOS, state, reason, nodes, GRES per node, priority,
submit, start, end, limit, node list, and last the name, which may hold the separator."""

_COLUMNS = SQUEUE_FORMAT.count("|")
_ID = re.compile(r"\d{1,12}\Z")
_DISPLAY = re.compile(r"\d{1,12}(?:_(?:\d{1,10}|\[[0-9,\-:%. ]*\]?))?(?:\+\d{1,6})?\Z")
_WORD = re.compile(r"[A-Z_]{1,40}\Z")
_SHARED = re.compile(r"Nodes=(\S+) CPU_IDs=\S* Mem=\S* GRES=(\S*)")
_LONGEST_ARRAY = 4_000_001  # Slurm's largest MaxArraySize


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


def parse_squeue(raw: bytes, *, cluster: str, when: float) -> tuple[Job, ...]:
    """All queue entries; an unstarted array is one. Raises Malformed."""
    return tuple(_job(line, cluster, when) for line in lines(raw))


def _job(line: str, cluster: str, when: float) -> Job:
    columns = line.split("|", _COLUMNS)
    if len(columns) != _COLUMNS + 1 or not _ID.match(columns[0]) or not _DISPLAY.match(columns[1]):
        raise Malformed(f"not a line of squeue: {clean(line, limit=120)}")
    raw_id, shown, array_id, _task, user, account, partition, qos, state, reason = columns[:10]
    if not _WORD.match(state):
        raise Malformed(f"{clean(state, limit=80)!r} is not a job state")
    bundled = "[" in shown
    nodes = whole(columns[10])
    per_node = gpus(columns[11])
    pending = state == "PENDING"
    return Job(
        cluster=cluster,
        source="slurm",
        when=when,
        id=array_id if bundled and _ID.match(array_id) else shown,
        raw_id=raw_id,
        name=clean(columns[18], limit=256),
        user=clean(user, limit=128),
        account=told(account),
        partition=told(partition),
        qos=told(qos),
        state=state,
        reason=told(reason) if state != "RUNNING" else None,
        array=clean(shown, limit=256) if bundled else None,
        array_tasks=_tasks(shown) if bundled else 1,
        node_list="" if pending else clean(columns[17], limit=65_536),
        node_count=nodes,
        gpus=None if per_node is None or nodes is None else per_node.count * nodes,
        priority=whole(columns[12]),
        submit_time=moment(columns[13]),
        start_time=moment(columns[14]),
        end_time=moment(columns[15]),
        time_limit_seconds=duration(columns[16]),
    )


def _tasks(shown: str) -> int:
    """How many tasks `9_[2-4,7%2]` stands for; a list that Slurm cut short with dots counts what it shows."""
    inside = re.sub(r"%\d+", "", shown[shown.index("[") + 1 :]).rstrip("]. ,")
    total = 0
    for part in inside.split(","):
        match = re.match(r"(\d{1,10})(?:-(\d{1,10})(?::(\d{1,10}))?)?\Z", part)
        if match:
            first, last, step = int(match[1]), int(match[2] or match[1]), int(match[3] or 1)
            total += max(0, (last - first) // max(1, step) + 1)
    return min(max(1, total), _LONGEST_ARRAY)


def parse_details(raw: bytes) -> dict[str, JobDetail]:
    """Details by raw job id. Raises Malformed."""
    found: dict[str, JobDetail] = {}
    for line in lines(raw):
        told_fields = fields(line)
        if line.startswith("No jobs in the system"):
            continue
        if "JobId" not in told_fields or not _ID.match(told_fields["JobId"]):
            raise Malformed(f"not a job: {clean(line, limit=120)}")
        found[told_fields["JobId"]] = _detail(line, told_fields)
    return found


def _detail(line: str, told_fields: Fields) -> JobDetail:
    requeue, restarts = whole(told_fields.get("Requeue")), whole(told_fields.get("Restarts"))
    gpu_map = _gpu_map(line)
    total = gpus((told_fields.get("JOB_GRES") or "").replace("(null)", "") or None)
    return JobDetail(
        gpus=total.count if total else None,
        gpu_map=gpu_map,
        requeueable=None if requeue is None else requeue == 1,
        restarts=restarts,
        work_dir=told(told_fields.get("WorkDir")),
        std_out=told(told_fields.get("StdOut")),
        comment=told(told_fields.get("Comment")),
        batch=told_fields.get("BatchFlag") == "1",
    )


def _gpu_map(line: str) -> tuple[tuple[str, tuple[int, ...]], ...] | None:
    """GPU indexes by node from `Nodes=g[1-2] CPU_IDs=.. Mem=.. GRES=gpu:h100:4(IDX:0-3)` groups."""
    found: list[tuple[str, tuple[int, ...]]] = []
    for match in _SHARED.finditer(line):
        gres = gpus(match[2])
        if gres is None:
            continue
        if gres.indexes is None:
            return None
        found += [(clean(name, limit=255), gres.indexes) for name in expand(match[1])]
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
        if job.gpus is None and detail.gpus is None and detail.gpu_map is not None:
            more["gpus"] = sum(len(found) for _, found in detail.gpu_map)
    return msgspec.structs.replace(job, **more)
