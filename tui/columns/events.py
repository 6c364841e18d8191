"""The list of warnings that Kubernetes gave in the last hour."""

from __future__ import annotations

from crashcart.backends.pods import Event
from crashcart.ops.fields import Scene
from crashcart.tui import words
from crashcart.tui.natural import natural

from .column import Cell, Column, by, by_text, field, plain


def seen(scene: Scene, event: Event) -> Cell:
    """How long ago it was last seen."""
    return plain(words.age(scene.now - event.last_seen))


def times(event: Event) -> str:
    """`×12`, nothing for one."""
    return f"×{event.count:,}" if event.count > 1 else ""


COLUMNS: tuple[Column[Event], ...] = (
    Column("seen", "AGO", 5, seen, lambda s, e: -e.last_seen, 0, align="right"),
    Column("count", "", 6, lambda s, e: plain(times(e), "muted"), by("count"), 3, align="right", descending=True),
    Column("reason", "REASON", 16, field("reason", "warn"), by_text("reason"), 1, 1, most=28),
    Column("cluster", "CLUSTER", 8, field("cluster", "muted"), by_text("cluster"), 4),
    Column("about", "ABOUT", 20, field("about", "strong"), lambda s, e: natural(e.about), 0, 2, most=44),
    Column("message", "MESSAGE", 20, field("message"), by_text("message"), 2, 6),
)
