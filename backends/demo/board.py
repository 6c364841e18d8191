"""What is derived afresh at every look: entities of one kind, of which pollers get only what really changed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar

import msgspec

from crashcart.backends.entity import Entity

from .journal import Journal

T = TypeVar("T", bound=Entity)


class Board(Generic[T]):
    """Keeps the entities of a kind in step with the journal, where they are named by key without the cluster."""

    def __init__(self, journal: Journal, kind: str) -> None:
        self._journal = journal
        self._kind = kind
        self.entities: dict[str, T] = {}

    def show(self, entities: Iterable[T]) -> None:
        """From now on these are there and no others. One that is equal but for `when` has not changed."""
        found = {entity.key.removeprefix("/"): entity for entity in entities}
        for name in self.entities.keys() - found.keys():
            self._journal.drop(self._kind, name)
        for name, entity in found.items():
            old = self.entities.get(name)
            if old is None or msgspec.structs.replace(entity, when=old.when) != old:
                self._journal.touch(self._kind, name)
            else:
                found[name] = old
        self.entities = found
