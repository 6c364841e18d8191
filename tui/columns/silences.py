"""The list of silences."""

from __future__ import annotations

from crashcart.backends.model import Alert, Silence
from crashcart.ops.fields import Scene
from crashcart.tui import words
from crashcart.tui.states import silence_mark

from .column import Cell, Column, by, by_text, field, plain

_STATE_ORDER = ("active", "pending", "expired")
ENDS_SOON_SECONDS = 900.0
"""A silence that ends within this time will let its alerts through before the operator has looked twice."""

NEAR_SECONDS = 12 * 3600.0


def state(scene: Scene, silence: Silence) -> Cell:
    """Glyph and word."""
    glyph, role = silence_mark(silence)
    return ((f"{glyph} {silence.state}", role),)


def matchers(silence: Silence) -> str:
    """What it matches, as amtool writes it."""
    return " ".join(str(matcher) for matcher in silence.matchers)


def kept_quiet(scene: Scene, silence: Silence) -> list[Alert]:
    """The alerts that it keeps quiet now."""
    return scene.joins.alerts.silenced_by(silence)


def until(scene: Scene, silence: Silence) -> Cell:
    """When it ends, and how long that is from now."""
    left = silence.ends - scene.now
    said = words.moment(silence.ends, scene.now)
    if silence.state == "expired" or left <= 0:
        return plain(said, "faint")
    if left > NEAR_SECONDS:
        return plain(said)
    return ((f"{said} ", "text"), (f"in {words.age(left)}", "warn" if left < ENDS_SOON_SECONDS else "muted"))


def _alerts(scene: Scene, silence: Silence) -> Cell:
    number = len(kept_quiet(scene, silence))
    return plain(str(number) if number else "·", "text" if number else "faint")


def _rank(scene: Scene, silence: Silence) -> tuple[int, float]:
    rank = _STATE_ORDER.index(silence.state) if silence.state in _STATE_ORDER else len(_STATE_ORDER)
    return (rank, -silence.ends if silence.state == "expired" else silence.ends)


COLUMNS: tuple[Column[Silence], ...] = (
    Column("state", "STATE", 9, state, _rank, 0),
    Column("until", "UNTIL", 13, until, by("ends"), 1),
    Column("by", "WHO", 12, field("created_by", "text"), by_text("created_by"), 2, 1, most=24),
    Column("alerts", "QUIET", 5, _alerts, lambda s, x: len(kept_quiet(s, x)), 3, align="right", descending=True),
    Column("cluster", "CLUSTER", 8, field("cluster", "muted"), by_text("cluster"), 6),
    Column("matchers", "MATCHES", 16, lambda s, x: plain(matchers(x), "strong"), lambda s, x: matchers(x), 1, 4),
    Column("comment", "COMMENT", 12, field("comment", "muted"), by_text("comment"), 4, 3),
)
