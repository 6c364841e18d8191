"""`scontrol show partition -o` to queues, `scontrol ping` to the health of the controllers."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

import msgspec

from crashcart.backends.errors import Malformed
from crashcart.backends.model import Node, Queue
from crashcart.backends.text import clean

from .fields import duration, fields, lines, told, whole

_PING = re.compile(r"Slurmctld\((?P<role>[^)]*)\) at (?P<host>\S+) is (?P<state>UP|DOWN)")


def parse_queues(raw: bytes, *, cluster: str, when: float) -> tuple[Queue, ...]:
    """All partitions. Raises Malformed."""
    return tuple(_queue(line, cluster, when) for line in lines(raw) if not line.startswith("No partitions"))


def _queue(line: str, cluster: str, when: float) -> Queue:
    told_fields = fields(line)
    name = told_fields.get("PartitionName")
    if not name or "State" not in told_fields:
        raise Malformed(f"not a partition: {clean(line, limit=120)}")
    tres = re.search(r"gres/gpu=(\d{1,12})", told_fields.get("TRES", ""))
    return Queue(
        cluster=cluster,
        source="slurm",
        when=when,
        name=clean(name, limit=128),
        state=clean(told_fields["State"], limit=40).upper(),
        is_default=told_fields.get("Default") == "YES",
        node_list=told(told_fields.get("Nodes")) or "",
        nodes_total=whole(told_fields.get("TotalNodes")),
        gpus_total=int(tres[1]) if tres else None,
        priority=whole(told_fields.get("PriorityTier")),
        max_time_seconds=duration(told_fields.get("MaxTime")),
    )


def with_gpus(queues: Sequence[Queue], nodes: Sequence[Node]) -> tuple[Queue, ...]:
    """The queues with the GPUs of their nodes: without accounting Slurm does not count them by partition."""
    counts: dict[str, int] = defaultdict(int)
    for node in nodes:
        for partition in node.partitions:
            counts[partition] += node.gpus_total or 0
    return tuple(
        queue if queue.gpus_total is not None else msgspec.structs.replace(queue, gpus_total=counts[queue.name])
        for queue in queues
    )


def parse_ping(raw: bytes) -> list[tuple[str, bool]]:
    """(host, is up) of each controller, primary first."""
    text = raw.decode("utf-8", "backslashreplace")
    return [(clean(match["host"], limit=255), match["state"] == "UP") for match in _PING.finditer(text)]
