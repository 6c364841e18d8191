"""The cockpit's picture of all clusters, changed only on its event loop.

Views compare `revision[kind]` with the one they drew and pull; a notification carries no data, so lost or merged ones
are harmless. What a source says stays until that source says otherwise, and every value keeps its own age.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Literal

from crashcart.backends import wire
from crashcart.backends.entity import Kind
from crashcart.backends.model import (
    Alert,
    AnyEntity,
    Check,
    GpuColumn,
    GpuOwners,
    GpuRows,
    History,
    Job,
    Load,
    Node,
    Queue,
    Silence,
    Target,
)
from crashcart.backends.pods import Budget, Event, Pod

from .gpu_sources import GpuSources
from .gpu_table import GpuTable
from .planes import merged

STALE_AFTER_INTERVALS = 2.5
"""A source is late when its picture is older than this many of its own intervals (two missed polls and some slack)."""

Freshness = Literal["loading", "live", "late", "down", "denied"]
GPU_KIND = "gpu"
HISTORY_KIND = "history"
LOAD_KIND = "load"


class Store:
    """Entities by kind and key, GPU tables by cluster, sources by (cluster, name)."""

    def __init__(self) -> None:
        self.entities: dict[str, dict[str, AnyEntity]] = defaultdict(dict)
        self.gpus: dict[str, GpuTable] = {}
        self.sources: dict[tuple[str, str], wire.Source] = {}
        self.histories: dict[tuple[str, str], dict[str, History]] = defaultdict(dict)  # (cluster, subject) -> by source
        self.loads: dict[tuple[str, str], Load] = {}
        self.revision: dict[str, int] = defaultdict(int)
        self.listed: set[tuple[str, str]] = set()  # (cluster, kind) that had a first complete listing
        self.confirmed: dict[tuple[str, str, str], float] = {}  # (cluster, source, kind) -> when last listed
        self.collector_alive = False
        self.collector_trouble = ""  # why there is none, and what is done about it
        self.last_beat: float | None = None
        self._pending: dict[tuple[str, str, str], dict[str, AnyEntity]] = {}
        self._listed: dict[tuple[str, str, str], set[str]] = defaultdict(set)  # keys by (cluster, source, kind)
        self._gpu_sources: dict[str, GpuSources] = defaultdict(GpuSources)
        self._planes: dict[str, dict[str, Node]] = defaultdict(dict)  # node key -> as each source lists it

    # reading

    @property
    def nodes(self) -> dict[str, Node]:
        return self.entities["node"]  # type: ignore[return-value]

    @property
    def jobs(self) -> dict[str, Job]:
        return self.entities["job"]  # type: ignore[return-value]

    @property
    def queues(self) -> dict[str, Queue]:
        return self.entities["queue"]  # type: ignore[return-value]

    @property
    def alerts(self) -> dict[str, Alert]:
        return self.entities["alert"]  # type: ignore[return-value]

    @property
    def silences(self) -> dict[str, Silence]:
        return self.entities["silence"]  # type: ignore[return-value]

    @property
    def targets(self) -> dict[str, Target]:
        return self.entities["target"]  # type: ignore[return-value]

    @property
    def checks(self) -> dict[str, Check]:
        return self.entities["check"]  # type: ignore[return-value]

    @property
    def pods(self) -> dict[str, Pod]:
        return self.entities["pod"]  # type: ignore[return-value]

    @property
    def budgets(self) -> dict[str, Budget]:
        return self.entities["budget"]  # type: ignore[return-value]

    @property
    def events(self) -> dict[str, Event]:
        return self.entities["event"]  # type: ignore[return-value]

    def knows(self, kind: Kind, now: float, cluster: str | None = None) -> bool:
        """Whether what is listed of this kind may be counted: every source that lists it is live."""
        listers = [(where, source) for where, source, listed in self.confirmed if listed == kind]
        mine = [slot for slot in listers if cluster in (None, slot[0])]
        return bool(mine) and all(self.freshness(*slot, now) == "live" for slot in mine)

    def clusters(self) -> list[str]:
        """Names of all clusters that a source has spoken for, sorted."""
        return sorted({cluster for cluster, _ in self.sources})

    def is_loading(self, kind: Kind) -> bool:
        """No source has listed this kind completely yet: the view says "loading", not "empty"."""
        return not any(listed == kind for _, listed in self.listed)

    def freshness(self, cluster: str, source: str, now: float) -> Freshness:
        """How far the picture of this source may be trusted at `now` (Unix seconds)."""
        state = self.sources.get((cluster, source))
        if state is None or (state.state == "starting" and state.last_success is None):
            return "loading" if self.collector_alive else "down"
        if state.state == "denied":
            return "denied"
        if not self.collector_alive or state.state == "down":
            return "down"
        age = now - (state.last_success or 0.0)
        if state.state == "late" or age > max(state.interval_seconds * STALE_AFTER_INTERVALS, 3.0):
            return "late"
        return "live"

    def is_stale(self, entity: AnyEntity, now: float) -> bool:
        """Whether this entity may be painted as it is (False) or must be dimmed (True)."""
        return self.freshness(entity.cluster, entity.source, now) != "live"

    def when_true(self, entity: AnyEntity) -> float:
        """When this entity was last known to be as it is: its own time, or that of a listing that confirmed it."""
        return max(entity.when, self.confirmed.get((entity.cluster, entity.source, entity.kind), 0.0))

    # writing

    def apply(self, message: wire.Message) -> frozenset[str]:
        """Take one message in; return the kinds whose picture really changed."""
        match message:
            case wire.Slice():
                changed = self._apply_slice(message)
            case wire.Source():
                changed = self._apply_source(message)
            case GpuRows() | GpuColumn() | GpuOwners():
                changed = self._apply_gpus(message)
            case History():
                self.histories[(message.cluster, message.subject)][message.source] = message
                changed = frozenset((HISTORY_KIND,))
            case Load():
                self.loads[(message.cluster, message.source)] = message
                changed = frozenset((LOAD_KIND,))
            case wire.Beat(when):
                self.last_beat = when
                changed = self._judge_gpu_sources()
            case _:
                changed = frozenset()
        for kind in changed:
            self.revision[kind] += 1
        return changed

    def collector_up(self) -> None:
        """A collector said hello: sources are as it will tell."""
        self.collector_alive = True
        self.collector_trouble = ""
        self.revision["source"] += 1

    def forget_histories(self, but: frozenset[tuple[str, str]]) -> None:
        """Let go of histories of what is no longer looked at; `but` holds (cluster, subject)."""
        for slot in self.histories.keys() - but:
            del self.histories[slot]

    def collector_lost(self, why: str = "") -> None:
        """The collector is gone: keep the picture, mark every source stale."""
        self.collector_alive = False
        self.collector_trouble = why
        self._pending.clear()
        self.revision["source"] += 1

    def _apply_slice(self, part: wire.Slice) -> frozenset[str]:
        table = self.entities[part.kind]
        if part.end:
            self.confirmed[(part.cluster, part.source, part.kind)] = part.when
        if not part.complete:
            return self._merge(table, part)
        slot = (part.source, part.cluster, part.kind)
        if part.begin:
            self._pending[slot] = {}
        pending = self._pending.get(slot)
        if pending is None:  # the beginning was lost with an earlier collector
            return frozenset()
        pending.update((entity.key, entity) for entity in part.upserts)
        if not part.end:
            return frozenset()
        del self._pending[slot]
        first = (part.cluster, part.kind) not in self.listed
        self.listed.add((part.cluster, part.kind))
        changed = first
        mine = self._listed[(part.cluster, part.source, part.kind)]
        for key in mine - pending.keys():
            changed |= self._drop(table, key, part.source)
        for entity in pending.values():
            changed |= self._put(table, entity, part.source)
        mine.intersection_update(pending)
        mine.update(pending)
        return frozenset((part.kind,)) if changed else frozenset()

    def _merge(self, table: dict[str, AnyEntity], part: wire.Slice) -> frozenset[str]:
        changed = False
        mine = self._listed[(part.cluster, part.source, part.kind)]
        for key in part.gone:
            changed |= self._drop(table, key, part.source)
        for entity in part.upserts:
            changed |= self._put(table, entity, part.source)
        mine.difference_update(part.gone)
        mine.update(entity.key for entity in part.upserts)
        return frozenset((part.kind,)) if changed else frozenset()

    def _put(self, table: dict[str, AnyEntity], entity: AnyEntity, source: str) -> bool:
        """Take an entity in; a node that other sources list too is merged with theirs. Return whether it changed."""
        key, shown = entity.key, entity
        if isinstance(entity, Node):
            parts = self._planes[key]
            parts[source] = entity
            shown = merged(parts.values())
        if table.get(key) == shown:
            return False
        table[key] = shown
        return True

    def _drop(self, table: dict[str, AnyEntity], key: str, source: str) -> bool:
        """Forget what one source listed under this key; others may list it still. Return whether it changed."""
        parts = self._planes.get(key)
        if parts is not None and key in self.nodes and table is self.entities["node"]:
            parts.pop(source, None)
            if parts:
                return self._put(table, *next((node, one) for one, node in parts.items()))
            del self._planes[key]
        return table.pop(key, None) is not None

    def _apply_source(self, source: wire.Source) -> frozenset[str]:
        slot = (source.cluster, source.name)
        if self.sources.get(slot) == source:
            return frozenset()
        self.sources[slot] = source
        return frozenset(("source",))

    def _apply_gpus(self, told: GpuRows | GpuColumn | GpuOwners) -> frozenset[str]:
        sources = self._gpu_sources[told.cluster]
        match told:
            case GpuRows():
                changed = sources.take_rows(told, self._judge_of(told.cluster))
            case GpuColumn():
                changed = sources.take_column(told)
                if told.metric == "age_seconds":
                    sources.judge(self._judge_of(told.cluster))
            case GpuOwners():
                changed = sources.take_owners(told)
        if changed and sources.shown is not None:
            self.gpus[told.cluster] = sources.shown
        return frozenset((GPU_KIND,)) if changed else frozenset()

    def _judge_gpu_sources(self) -> frozenset[str]:
        """Sources come, fail and age: choose again who measures the hosts that several have."""
        changed = False
        for cluster, sources in self._gpu_sources.items():
            if sources.judge(self._judge_of(cluster)) and sources.shown is not None:
                self.gpus[cluster], changed = sources.shown, True
        return frozenset((GPU_KIND,)) if changed else frozenset()

    def _judge_of(self, cluster: str) -> Callable[[str], bool]:
        now = self.last_beat or 0.0
        return lambda source: self.freshness(cluster, source, now) == "live"
