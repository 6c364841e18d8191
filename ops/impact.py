"""Who an action hurts: jobs, users, GPUs, the GPU-hours since the last checkpoint, and what capacity stays."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TypeVar

from crashcart.backends.contract import Picture
from crashcart.backends.model import Job, Node

from .protocol import Impact, JobHit
from .targets import TargetError, expand

HOUR = 3600.0

Number = TypeVar("Number", int, float)


def job_nodes(job: Job) -> frozenset[str]:
    """Names of the nodes that a job runs on; empty when its node list is empty or unreadable."""
    return _expanded(job.node_list) or frozenset(node for node, _ in job.gpu_map or ())


def jobs_by_node(jobs: Iterable[Job], names: Iterable[str]) -> dict[str, tuple[Job, ...]]:
    """Running jobs on each of these nodes."""
    found: dict[str, list[Job]] = {name: [] for name in names}
    for job in jobs:
        if job.is_running:
            for name in job_nodes(job) & found.keys():
                found[name].append(job)
    return {name: tuple(on_it) for name, on_it in found.items()}


def hours_at_risk(job: Job, now: float) -> float | None:
    """GPU-hours since the last checkpoint, or since the start when none is known; None: GPUs or start not known."""
    if job.is_pending:
        return 0.0
    since = since_checkpoint(job, now)
    lost = job.elapsed_seconds(now) if since is None else since
    if job.gpus is None or lost is None:
        return None
    return job.gpus * lost / HOUR


def since_checkpoint(job: Job, now: float) -> float | None:
    """Seconds since the last complete checkpoint of this run; None when none is known."""
    if job.checkpoint_time is None or (job.start_time is not None and job.checkpoint_time < job.start_time):
        return None
    return max(0.0, now - job.checkpoint_time)


def impact(
    jobs: Iterable[Job], picture: Picture, *, loses: Callable[[Job], bool], capacity: tuple[str, ...] = ()
) -> Impact:
    """Sum up the touched jobs; work that goes on puts nothing at risk. An unknown part makes a sum unknown."""
    hit = sorted({job.key: job for job in jobs}.values(), key=lambda job: (-(job.gpus or 0), job.id))
    now = picture.when
    return Impact(
        jobs=tuple(_hit(job, now) for job in hit),
        users=tuple(sorted({job.user for job in hit})),
        gpus=_total([job.gpus for job in hit]),
        gpu_hours_at_risk=_total([hours_at_risk(job, now) if loses(job) else 0.0 for job in hit]),
        capacity=capacity,
    )


def capacity_lines(picture: Picture, targets: Iterable[str], *, returning: bool = False) -> tuple[str, ...]:
    """One line for each partition of the targets: how many of its nodes are in service afterwards."""
    changed = frozenset(targets)
    members: dict[str, list[Node]] = {}
    for node in picture.nodes:
        for partition in node.partitions:
            members.setdefault(partition, []).append(node)
    lines: list[str] = []
    for partition, nodes in sorted(members.items()):
        if not any(node.name in changed for node in nodes):
            continue
        after = sum(_in_service(node) if node.name not in changed else returning for node in nodes)
        share = 100 * after // len(nodes)
        verb = "will be" if returning else "stay"
        lines.append(f"{partition}: {after} of {len(nodes)} nodes {verb} in service ({share} %)")
    return tuple(lines)


@lru_cache(maxsize=8192)
def _expanded(node_list: str) -> frozenset[str]:
    """Parsing is most of the cost of a preview, and the same lists come again at the next one."""
    if "[" not in node_list and "," not in node_list:
        return frozenset((node_list,) if node_list else ())
    try:
        return frozenset(expand(node_list))
    except TargetError:
        return frozenset()


def _in_service(node: Node) -> bool:
    return not node.is_draining and not node.is_down


def _hit(job: Job, now: float) -> JobHit:
    return JobHit(
        id=job.id,
        name=job.name,
        user=job.user,
        gpus=job.gpus,
        elapsed_seconds=job.elapsed_seconds(now),
        since_checkpoint_seconds=since_checkpoint(job, now),
        nodes=job.node_count,
    )


def _total(values: list[Number | None]) -> Number | None:
    known = [value for value in values if value is not None]
    return None if len(known) < len(values) else sum(known)
