"""What an action would be about: one kind of thing in one cluster."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from crashcart.ops.verbs import TargetKind


@dataclass(frozen=True, slots=True)
class Selection:
    """Targets by the names the scheduler knows. `cluster` None: they are in several, so nothing can be done at once."""

    kind: TargetKind
    cluster: str | None
    targets: tuple[str, ...]


def from_keys(kind: TargetKind, keys: Iterable[str]) -> Selection | None:
    """A selection from keys `cluster/name`; None when there are none."""
    parts = [key.split("/", 1) for key in keys]
    if not parts:
        return None
    clusters = {cluster for cluster, _ in parts}
    return Selection(kind, clusters.pop() if len(clusters) == 1 else None, tuple(name for _, name in parts))
