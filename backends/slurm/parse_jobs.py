"""`squeue` to jobs. A user's text can never pass for a row or a column of somebody else's."""

from __future__ import annotations

import re

import msgspec

from crashcart.backends.errors import Malformed
from crashcart.backends.model import Job
from crashcart.backends.text import clean

from .fields import duration, gpus, moment, told, whole

_FORMAT = "%A|%i|%F|%u|%P|%q|%T|%r|%D|%b|%Q|%V|%S|%e|%l|%N"
"""raw id, display id, array id, user, partition, QOS, state, reason, nodes, GRES per node, priority, submit, start,
end, limit, node list. Account and name come behind it: they are free text, with bars and line feeds if a user likes.
"""

_COLUMNS = _FORMAT.count("|") + 1
_ID = re.compile(r"\d{1,12}\Z")
_DISPLAY = re.compile(r"\d{1,12}(?:_(?:\d{1,10}|\[[0-9,\-:%. ]*\]?))?(?:\+\d{1,6})?\Z")
_WORD = re.compile(r"[A-Z_]{1,40}\Z")
_LONGEST_ARRAY = 4_000_001  # Slurm's largest MaxArraySize


class Listing(msgspec.Struct, frozen=True):
    """Jobs, and by raw id the (account, name) exactly as Slurm prints them, to be found again in other output."""

    jobs: tuple[Job, ...]
    free_text: dict[str, tuple[str, str]]


def squeue(token: str, *filters: str) -> tuple[str, ...]:
    """The listing as a command. `token` parts rows and free text, so it must be fresh and nobody's guess."""
    row = f"{token}{_FORMAT}{token}%a{token}%j"
    return ("squeue", "-h", "-a", "--local", "--noconvert", *filters, "-o", row)


def parse_squeue(raw: bytes, *, token: str, cluster: str, when: float) -> Listing:
    """All queue entries; an unstarted array is one. Raises Malformed."""
    before, *parts = raw.decode("utf-8", "backslashreplace").split(token)
    if before.strip() or len(parts) % 3:
        raise Malformed(f"not what squeue was asked for: {clean(before or parts[-1], limit=120)}")
    jobs: list[Job] = []
    free_text: dict[str, tuple[str, str]] = {}
    for row, account, line in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        name = line.removesuffix("\n")
        job = _job(row, account, name, cluster, when)
        jobs.append(job)
        free_text[job.raw_id] = (account, name)
    return Listing(tuple(jobs), free_text)


def _job(row: str, account: str, name: str, cluster: str, when: float) -> Job:
    columns = row.split("|")
    if len(columns) != _COLUMNS or not _ID.match(columns[0]) or not _DISPLAY.match(columns[1]):
        raise Malformed(f"not a row of squeue: {clean(row, limit=120)}")
    raw_id, shown, array_id, user, partition, qos, state, reason = columns[:8]
    if not _WORD.match(state):
        raise Malformed(f"{clean(state, limit=80)!r} is not a job state")
    bundled = "[" in shown
    nodes = whole(columns[8])
    per_node = gpus(columns[9])
    return Job(
        cluster=cluster,
        source="slurm",
        when=when,
        id=array_id if bundled and _ID.match(array_id) else shown,
        raw_id=raw_id,
        name=clean(name, limit=256),
        user=clean(user, limit=128),
        account=told(account),
        partition=told(partition),
        qos=told(qos),
        state=state,
        reason=told(reason) if state != "RUNNING" else None,
        array=clean(shown, limit=256) if bundled else None,
        array_tasks=_tasks(shown) if bundled else 1,
        node_list="" if state == "PENDING" else clean(columns[15], limit=65_536),
        node_count=nodes,
        gpus=None if per_node is None or nodes is None else per_node.count * nodes,
        priority=whole(columns[10]),
        submit_time=moment(columns[11]),
        start_time=moment(columns[12]),
        end_time=moment(columns[13]),
        time_limit_seconds=duration(columns[14]),
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
