"""The picture on the screen: the live store, or the copy that was taken when it was frozen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from crashcart.backends.model import AnyEntity
from crashcart.ops.clock import Clock
from crashcart.ops.fields import Scene
from crashcart.ops.identity import NodeNames
from crashcart.ops.joins import Joins
from crashcart.ops.store import Store

from .painting.meter import Meter
from .runbooks import Runbooks


class Shown:
    """What views draw from. Ages and the state of sources stay live while the picture is frozen."""

    def __init__(self, live: Store, clock: Clock, names: dict[str, NodeNames] | None = None) -> None:
        self.live = live
        self._clock = clock
        self._names = names
        self._live_joins = Joins(live, names)
        self.frozen_at: float | None = None
        self.store = live
        self.joins = self._live_joins
        self.runbooks = Runbooks()
        self.terminal = Meter()
        self.cluster: str | None = None  # None: all clusters

    @property
    def scene(self) -> Scene:
        """What fields and filters read from, at this moment."""
        return Scene(self.store, self.joins, self._clock.now())

    @property
    def is_frozen(self) -> bool:
        return self.frozen_at is not None

    def freeze(self) -> None:
        """Hold the picture as it is now."""
        self.frozen_at = self._clock.now()
        self.store = _copy(self.live)
        self.joins = Joins(self.store, self._names)

    def thaw(self) -> None:
        """Follow the live picture again."""
        self.frozen_at = None
        self.store, self.joins = self.live, self._live_joins

    def follow_sources(self) -> None:
        """A frozen picture still knows whether what it shows can be trusted now."""
        if self.is_frozen:
            self.store.collector_alive = self.live.collector_alive

    def picture_of(self, *kinds: str) -> tuple[object, ...]:
        """What changes when, and only when, anything of these kinds does that is shown; to compare with."""
        return (id(self.store), self.cluster, *(self.store.revision[kind] for kind in kinds))

    def table(self, kind: str) -> Mapping[str, AnyEntity]:
        """All entities of a kind by key, in all clusters; an alert that two sources list is there once."""
        return self.joins.alerts.merged() if kind == "alert" else self.store.entities[kind]

    def keys(self, kind: str) -> list[str]:
        """Keys of all entities of a kind in the chosen clusters, in the order of the store."""
        table = self.table(kind)
        if self.cluster is None:
            return list(table)
        return [key for key, entity in table.items() if entity.cluster == self.cluster]

    def has_many_clusters(self) -> bool:
        """Whether names need their cluster beside them."""
        return self.cluster is None and len(self.store.clusters()) > 1


def _copy(live: Store) -> Store:
    """A store that no longer changes. Entities are frozen and columns are replaced whole, so shallow copies do."""
    held = Store()
    held.entities = defaultdict(dict, {kind: dict(table) for kind, table in live.entities.items()})
    held.gpus = {cluster: table.snapshot() for cluster, table in live.gpus.items()}
    held.sources = live.sources
    held.histories = defaultdict(dict, {slot: dict(found) for slot, found in live.histories.items()})
    held.loads = live.loads
    held.listed = set(live.listed)
    held.confirmed = dict(live.confirmed)
    held.revision = defaultdict(int, live.revision)
    held.collector_alive = live.collector_alive
    held.last_beat = live.last_beat
    return held
