"""What is shown of one kind, and the step to it from what was shown before."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from crashcart.backends.entity import Kind
from crashcart.backends.model import AnyEntity, Batch

from .site import SOURCE


class Showing:
    """All entities of a kind by key. Nothing is told before `is_ready`; then everything, once."""

    def __init__(self, kind: Kind, cluster: str) -> None:
        self.kind = kind
        self.entities: dict[str, AnyEntity] = {}
        self.is_ready = False
        self._cluster = cluster
        self._changed: set[str] = set()
        self._gone: set[str] = set()
        self._is_told = False
        self._confirmed = 0.0

    def put(self, entity: AnyEntity) -> None:
        """Show this; one that differs in `when` alone is what is shown already."""
        key = entity.key
        old = self.entities.get(key)
        if old is not None and msgspec.structs.replace(entity, when=old.when) == old:
            return
        self.entities[key] = entity
        self._changed.add(key)
        self._gone.discard(key)

    def drop(self, key: str) -> None:
        """Show this no more."""
        if self.entities.pop(key, None) is not None:
            self._changed.discard(key)
            self._gone.add(key)

    def replace(self, entities: Iterable[AnyEntity]) -> None:
        """Show these and nothing else."""
        now = {entity.key: entity for entity in entities}
        for key in self.entities.keys() - now.keys():
            self.drop(key)
        for entity in now.values():
            self.put(entity)

    def batch(self, when: float) -> Batch | None:
        """What is new, true at `when`; everything the first time, None when there is nothing to say."""
        if not self.is_ready:
            return None
        if self._is_told and not self._changed and not self._gone and when <= self._confirmed:
            return None
        keys = self._changed if self._is_told else self.entities
        upserts = tuple([self.entities[key] for key in keys])
        gone = tuple(sorted(self._gone)) if self._is_told else ()
        batch = Batch(SOURCE, self._cluster, self.kind, when, upserts, gone, complete=not self._is_told)
        self._is_told, self._confirmed = True, when
        self._changed, self._gone = set(), set()
        return batch
