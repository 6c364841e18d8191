"""One node, several schedulers: what each says is kept, one leads, and where they disagree is a finding of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from msgspec.structs import replace

from crashcart.backends.model import Node, Plane

KUBERNETES = "kubernetes"
_RANK = {"slurm": 0, KUBERNETES: 9}
"""Slurm leads: it knows partitions and reasons. Anything else stands between."""

T = TypeVar("T")

_COUNTED = ("IDLE", "MIXED", "ALLOCATED")


def merged(nodes: Iterable[Node]) -> Node:
    """The node that these stand for, each as another source lists it."""
    found = sorted(nodes, key=lambda node: (_RANK.get(node.source, 5), node.source))
    lead, others = found[0], found[1:]
    if not others:
        return lead
    used = _most(node.gpus_used for node in found)
    total = _most(node.gpus_total for node in found)
    return replace(
        lead,
        planes=tuple(map(plane_of, found)),
        state=_state(lead, used, total),
        gpus_total=total,
        gpus_used=used,
        gpus_used_indexes=_indexes(found),
        gpus_allocatable=_first(node.gpus_allocatable for node in found),
        gpu_type=_first(node.gpu_type for node in found),
        conditions=tuple(text for node in found for text in node.conditions),
        taints=tuple(text for node in found for text in node.taints),
        rack=_first(node.rack for node in found),
        switch=_first(node.switch for node in found),
        address=_first(node.address for node in found),
        boot_time=_first(node.boot_time for node in found),
    )


def plane_of(node: Node) -> Plane:
    """What one source says of the node."""
    return Plane(
        source=node.source,
        name=node.own_name or node.name,
        state=node.state,
        flags=node.flags,
        reason=node.reason,
        reason_by=node.reason_by,
        reason_at=node.reason_at,
        gpus_total=node.gpus_total,
        gpus_used=node.gpus_used,
        gpus_allocatable=node.gpus_allocatable,
        when=node.when,
    )


def sides(node: Node) -> tuple[Node, ...]:
    """The node as each scheduler that knows it has it, the leading one first."""
    if not node.planes:
        return (node,)
    return tuple(
        replace(
            node,
            planes=(),
            source=plane.source,
            own_name=plane.name,
            state=plane.state,
            flags=plane.flags,
            reason=plane.reason,
            reason_by=plane.reason_by,
            reason_at=plane.reason_at,
            gpus_total=plane.gpus_total,
            gpus_used=plane.gpus_used,
            gpus_allocatable=plane.gpus_allocatable,
            when=plane.when,
        )
        for plane in node.planes
    )


def disagreements(node: Node) -> tuple[str, ...]:
    """Where the schedulers of a node contradict each other, or one of them counts fewer GPUs than there are."""
    found: list[str] = []
    parts = sides(node)
    out = [part for part in parts if part.is_draining]
    serving = [part for part in parts if not part.is_draining and not part.is_down]
    for part in serving:
        for other in out:
            busy = f", and {part.gpus_used} GPUs are in use there" if part.gpus_used else ""
            found.append(f"{other.word} in {other.source}, {part.source} may still place work on it{busy}")
    for part in parts:
        if part.is_down and any(not other.is_down for other in parts):
            found.append(f"down to {part.source} only")
        if None not in (part.gpus_total, part.gpus_allocatable) and part.gpus_allocatable != part.gpus_total:
            lost = (part.gpus_total or 0) - (part.gpus_allocatable or 0)
            found.append(f"{lost} of {part.gpus_total} GPUs unhealthy to {part.source}")
    totals = {part.gpus_total for part in parts if part.gpus_total is not None}
    if len(totals) > 1:
        counts = ", ".join(f"{part.source} {part.gpus_total}" for part in parts if part.gpus_total is not None)
        found.append(f"GPUs are counted differently: {counts}")
    return tuple(found)


def _state(lead: Node, used: int | None, total: int | None) -> str:
    """Idle to the leading one and busy to another is busy."""
    if lead.state not in _COUNTED or not used:
        return lead.state
    return "ALLOCATED" if used == total else "MIXED"


def _indexes(nodes: Sequence[Node]) -> tuple[int, ...] | None:
    busy = [node.gpus_used_indexes for node in nodes if node.gpus_used]
    if not busy:
        return nodes[0].gpus_used_indexes
    known = [indexes for indexes in busy if indexes is not None]
    return tuple(sorted({index for indexes in known for index in indexes})) if len(known) == len(busy) else None


def _most(values: Iterable[int | None]) -> int | None:
    return max((value for value in values if value is not None), default=None)


def _first(values: Iterable[T | None]) -> T | None:
    return next((value for value in values if value is not None), None)
