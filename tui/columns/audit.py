"""The list of audit entries, one an action, newest first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crashcart.backends.text import clean
from crashcart.ops.fields import Scene
from crashcart.tui import words
from crashcart.tui.states import action_mark

from .column import Cell, Column, plain

Entry = Mapping[str, Any]
"""As `ops.audit_entries` makes them: state verb cluster who role reason result targets commands seq ts."""


def text_of(entry: Entry, name: str) -> str:
    """A field as one safe line; nothing when it is not there."""
    value = entry.get(name)
    return "" if value is None else clean(str(value), limit=2000)


def names_of(entry: Entry, name: str) -> list[str]:
    """A list field as safe texts."""
    value = entry.get(name)
    return [clean(str(part), limit=2000) for part in value] if isinstance(value, list | tuple) else []


def _state(scene: Scene, entry: Entry) -> Cell:
    state = text_of(entry, "state")
    glyph, role = action_mark(state)
    return ((f"{glyph} {state.lower()}", role),)


def _when(scene: Scene, entry: Entry) -> Cell:
    when = entry.get("ts")
    return plain(words.date_and_time(when) if isinstance(when, int | float) else words.UNKNOWN, "muted")


def _targets(scene: Scene, entry: Entry) -> Cell:
    names = names_of(entry, "targets")
    more = f" +{len(names) - 1}" if len(names) > 1 else ""
    return ((names[0] if names else "", "text"), (more, "muted"))


def _said(scene: Scene, entry: Entry) -> Cell:
    reason, result = text_of(entry, "reason"), text_of(entry, "result")
    if not reason or text_of(entry, "state") == "REFUSED":
        return plain(result)
    return ((reason, "text"), (f"  → {result}" if result else "", "muted"))


def _newest(scene: Scene, entry: Entry) -> int:
    return -int(entry.get("seq", 0))


COLUMNS: tuple[Column[Entry], ...] = (
    Column("when", "WHEN", 16, _when, _newest, 0),
    Column("state", "ENDED", 12, _state, _newest, 1),
    Column("verb", "VERB", 12, lambda s, e: plain(text_of(e, "verb"), "strong"), _newest, 1),
    Column("targets", "TARGETS", 12, _targets, _newest, 2, 1, most=24),
    Column("who", "WHO", 8, lambda s, e: plain(text_of(e, "who"), "muted"), _newest, 3),
    Column("said", "WHY → WHAT CAME OF IT", 14, _said, _newest, 4, 6),
    Column("cluster", "CLUSTER", 8, lambda s, e: plain(text_of(e, "cluster"), "muted"), _newest, 5),
)
