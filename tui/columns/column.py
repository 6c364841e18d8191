"""A column of a list, and how columns share the width of the screen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from crashcart.ops.fields import Scene
from crashcart.tui import words
from crashcart.tui.cells import Align, Span
from crashcart.tui.natural import natural

E = TypeVar("E")
Cell = tuple[Span, ...]

GAP = 2
"""Blank cells between columns."""


@dataclass(frozen=True, slots=True)
class Column(Generic[E]):
    """One column: what it shows of an entity and how it sorts.

    `rank` says who goes first when the screen is narrow: the highest. `flex` is the share of what is left over.
    """

    id: str
    title: str
    width: int
    cell: Callable[[Scene, E], Cell]
    order: Callable[[Scene, E], Any]
    rank: int = 0
    flex: int = 0
    align: Align = "left"
    most: int = 0  # widest that flex may make it; 0: no limit
    descending: bool = False  # the useful order begins with the largest
    when: Callable[[Scene], bool] | None = None  # it is there only while this is so; None: always


def lay_out(columns: Sequence[Column[E]], width: int) -> list[tuple[Column[E], int]]:
    """The columns that fit into `width` cells, each with its width."""
    kept = list(columns)
    while len(kept) > 1 and _needed(kept) > width:
        kept.remove(max(kept, key=lambda column: column.rank))
    widths = {column.id: column.width for column in kept}
    left = width - _needed(kept)
    while left > 0:
        growing = [c for c in kept if c.flex and (not c.most or widths[c.id] < c.most)]
        if not growing:
            break
        shares = sum(column.flex for column in growing)
        gave = 0
        for column in growing:
            more = max(1, left * column.flex // shares)
            room = column.most - widths[column.id] if column.most else more
            more = min(more, room, left - gave)
            widths[column.id] += more
            gave += more
        if gave == 0:
            break
        left -= gave
    return [(column, widths[column.id]) for column in kept]


def _needed(columns: Sequence[Column[E]]) -> int:
    return sum(column.width for column in columns) + GAP * (len(columns) - 1)


def plain(text: str, role: str = "text") -> Cell:
    """A cell of one span."""
    return ((text, role),)


def field(name: str, role: str = "text") -> Callable[[Scene, Any], Cell]:
    """A cell that shows an attribute as text; nothing where it is None."""
    return lambda scene, entity: plain(str(getattr(entity, name) or ""), role)


def number(name: str, role: str = "text") -> Callable[[Scene, Any], Cell]:
    """A cell that shows a number; `–` where it is None."""
    return lambda scene, entity: plain(words.count(getattr(entity, name)), role)


def by(name: str) -> Callable[[Scene, Any], tuple[bool, Any]]:
    """Sort by an attribute; what is not known comes last."""
    return lambda scene, entity: last(getattr(entity, name))


def by_text(name: str) -> Callable[[Scene, Any], tuple[bool, str]]:
    """Sort by a text, whatever its case; empty ones come last."""
    return lambda scene, entity: (not getattr(entity, name), (getattr(entity, name) or "").casefold())


def by_name(name: str) -> Callable[[Scene, Any], Any]:
    """Sort by a name with numbers in it."""
    return lambda scene, entity: natural(getattr(entity, name) or "")


def last(value: Any) -> tuple[bool, Any]:
    """A sort key that puts what is not known behind everything else."""
    return (value is None, 0 if value is None else value)
