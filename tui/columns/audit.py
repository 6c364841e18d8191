"""The list of audit entries, one an action, newest first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from crashcart.backends.text import clean
from crashcart.ops.fields import Scene
from crashcart.tui import words
from crashcart.tui.states import action_mark

from .column import Cell, Column, plain

Record = Mapping[str, Any]


def text_of(record: Record, *names: str) -> str:
    """The first of these fields that is there, as one safe line; a list is joined."""
    for name in names:
        value = record.get(name)
        if isinstance(value, list | tuple):
            return clean(",".join(str(part) for part in value), limit=2000)
        if value not in (None, ""):
            return clean(str(value), limit=2000)
    return ""


def _phase(scene: Scene, record: Record) -> Cell:
    state = text_of(record, "state", "phase").upper()
    glyph, role = action_mark(state)
    return ((f"{glyph} {state.lower()}", role),)


def _field(*names: str, role: str = "text") -> Callable[[Scene, Record], Cell]:
    return lambda scene, record: plain(text_of(record, *names), role)


def _when(scene: Scene, record: Record) -> Cell:
    when = record.get("ts")
    return plain(words.date_and_time(when) if isinstance(when, int | float) else words.UNKNOWN, "muted")


def _newest(scene: Scene, record: Record) -> int:
    return -int(record.get("seq", 0))


COLUMNS: tuple[Column[Record], ...] = (
    Column("when", "WHEN", 16, _when, _newest, 0),
    Column("phase", "STATE", 12, _phase, _newest, 1),
    Column("verb", "VERB", 12, _field("verb", role="strong"), _newest, 1),
    Column("targets", "TARGETS", 14, _field("targets"), _newest, 2, 2, most=40),
    Column("who", "WHO", 10, _field("who", role="muted"), _newest, 3),
    Column("reason", "REASON", 14, _field("reason"), _newest, 4, 2),
    Column("result", "RESULT", 14, _field("result", role="muted"), _newest, 4, 4),
    Column("cluster", "CLUSTER", 8, _field("cluster", role="muted"), _newest, 5),
)
