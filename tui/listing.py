"""What a list shows: which keys, narrowed by the filter, in which order. No drawing here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crashcart.backends.model import AnyEntity
from crashcart.ops.fields import Scene
from crashcart.ops.filter import Filter, compile_filter

from .columns.column import Cell, Column
from .natural import natural
from .shown import Shown


class Listing:
    """Keys of one kind, filtered and sorted; ties are in the natural order of names, so nothing jumps."""

    def __init__(
        self, shown: Shown, kind: str, columns: Sequence[Column[Any]], *, sort: str = "", newest_first: bool = False
    ) -> None:
        self.kind = kind
        self.columns = columns
        self.filter: Filter = compile_filter("", kind)
        self.sort: tuple[str, bool] = (sort, self._column(sort).descending) if sort else ("", False)
        self.total = 0
        self.order: list[str] = []
        self._shown = shown
        self._newest_first = newest_first
        self._natural: list[str] = []
        self._known: set[str] = set()

    def _column(self, column_id: str) -> Column[Any]:
        return next(column for column in self.columns if column.id == column_id)

    def visible_columns(self) -> list[Column[Any]]:
        """Those that there is something to say in: without the cluster where there is one only."""
        many, scene = self._shown.has_many_clusters(), self._shown.scene
        return [
            column
            for column in self.columns
            if (many or column.id != "cluster") and (column.when is None or column.when(scene))
        ]

    def update(self) -> list[str]:
        """Read the picture and return the keys to show, in order."""
        entities = self._shown.table(self.kind)
        scene = self._shown.scene
        present = self._shown.keys(self.kind)
        self.total = len(present)
        order = self._in_natural_order(present)
        if self.filter.text:
            matches = self.filter.matches
            order = [key for key in order if matches(scene, entities[key])]
        self.order = self._sorted(order, scene)
        return self.order

    def _in_natural_order(self, present: list[str]) -> list[str]:
        """All keys by name: the order that ties fall back to. Hardly anything moves between two refreshes."""
        known = set(present)
        if known != self._known:
            kept = [key for key in self._natural if key in known]
            kept.extend(known.difference(self._known))
            kept.sort(key=natural, reverse=self._newest_first)
            self._natural, self._known = kept, known
        return self._natural

    def _sorted(self, order: list[str], scene: Scene) -> list[str]:
        column_id, descending = self.sort
        if not column_id:
            return order
        read = self._column(column_id).order
        entities = self._shown.table(self.kind)
        rank = {key: read(scene, entities[key]) for key in order}
        if not descending:
            return sorted(order, key=rank.__getitem__)
        known = [key for key in order if not _unknown(rank[key])]
        unknown = [key for key in order if _unknown(rank[key])]
        return sorted(known, key=rank.__getitem__, reverse=True) + unknown

    def sort_next(self) -> None:
        """Sort by the next column."""
        ids = [column.id for column in self.visible_columns()]
        index = ids.index(self.sort[0]) + 1 if self.sort[0] in ids else 0
        chosen = ids[index % len(ids)]
        self.sort = (chosen, self._column(chosen).descending)

    def sort_reverse(self) -> None:
        """Turn the order round."""
        self.sort = (self.sort[0], not self.sort[1])

    def row(self, key: str, columns: Sequence[Column[Any]]) -> tuple[tuple[Cell, ...], bool]:
        """The cells of a row and whether it is stale."""
        scene = self._shown.scene
        entity: AnyEntity | None = self._shown.table(self.kind).get(key)
        if entity is None:
            return tuple((("", "text"),) for _ in columns), True
        return tuple(column.cell(scene, entity) for column in columns), scene.store.is_stale(entity, scene.now)


def _unknown(rank: object) -> bool:
    """Whether a sort key made by `last` stands for a value that is not known: those stay behind in both directions."""
    return isinstance(rank, tuple) and bool(rank) and rank[0] is True
