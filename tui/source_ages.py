"""How each source is doing, in spans: `slurm ● 2s`, `dcgm ◌ 14s late`, `k8s ✕ down 3m`."""

from __future__ import annotations

from crashcart.backends.wire import Source
from crashcart.ops.store import Store

from . import words
from .cells import Span
from .states import freshness_mark


def source_spans(store: Store, source: Source, now: float, *, with_cluster: bool) -> tuple[Span, ...]:
    """One source."""
    freshness = store.freshness(source.cluster, source.name, now)
    glyph, role = freshness_mark(freshness)
    name = f"{source.cluster}/{source.name}" if with_cluster else source.name
    age = words.age(None if source.last_success is None else now - source.last_success)
    said = {"live": age, "late": f"{age} late", "down": f"down {age}", "denied": "denied", "loading": "starting"}
    return ((f"{name} ", "muted"), (f"{glyph} ", role), (said[freshness], "muted" if freshness == "live" else role))


def why(store: Store, source: Source, now: float) -> str:
    """One line for a source that is not live: `prometheus DOWN since 03:12:40 (4m): connection refused`."""
    freshness = store.freshness(source.cluster, source.name, now)
    detail = f": {source.detail}" if source.detail else ""
    if source.last_success is None:
        return f"{source.name} {freshness.upper()}, it has never answered{detail}"
    return f"{source.name} {freshness.upper()} {words.since(source.last_success, now)}{detail}"


def live_count(store: Store, now: float) -> int:
    """How many sources are live."""
    return sum(store.freshness(cluster, name, now) == "live" for cluster, name in store.sources)


def troubles(store: Store, now: float) -> list[Source]:
    """Sources that are late, down or denied, worst first."""
    order = {"denied": 0, "down": 1, "late": 2}
    found = [(order.get(store.freshness(*slot, now), 9), slot) for slot in store.sources]
    return [store.sources[slot] for rank, slot in sorted(found) if rank < 9]
