"""Key numbers side by side, as large as there is room for; a number that may be old is hatched and says how old."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .canvas import Canvas
from .digits import SCALES, Scale, drawn, lines_of, width_in
from .source_doubt import Trust

LABEL_AND_NOTE = 2
GAP = 2
NARROWEST: dict[Scale, int] = {1: 14, 2: 23, 4: 46}
"""Cells of a tile: three digits of that size, and a label."""
SMALLER: dict[Scale, Scale] = {4: 2, 2: 1, 1: 1}


@dataclass(frozen=True, slots=True)
class Tile:
    """`value` in block digits under a label with its glyph; the note below says more."""

    label: str
    value: str
    role: str  # of the value: text ok warn crit unknown
    note: str
    trust: Trust

    @property
    def is_stale(self) -> bool:
        return self.trust.is_stale


GLYPHS = {"crit": "✕ ", "warn": "▲ ", "ok": "✓ ", "unknown": "? ", "stale": "░ "}


@dataclass(frozen=True, slots=True)
class TilePlan:
    """How many tiles a row, how many rows, and how large."""

    scale: Scale
    columns: int
    rows: int

    @property
    def height(self) -> int:
        """Lines, with a blank one after each row."""
        return self.rows * (lines_of(self.scale) + LABEL_AND_NOTE + 1)


def plan(number: int, width: int, height: int) -> TilePlan:
    """The largest digits in which all tiles fit; where none do, as many tiles as fit in the smallest."""
    for scale in SCALES:
        columns = min(number, width // NARROWEST[scale])
        if columns:
            columns = -(-number // -(-number // columns))  # rows of like length
            found = TilePlan(scale, columns, -(-number // columns))
            if found.height <= height:
                return found
    columns = max(1, min(number, width // NARROWEST[1]))
    return TilePlan(1, columns, max(1, height // (lines_of(1) + LABEL_AND_NOTE + 1)))


def draw(canvas: Canvas, tiles: Sequence[Tile], x: int, y: int, width: int, height: int) -> int:
    """Draw the tiles from line `y` on, in `height` lines at most; return the line after them."""
    made = plan(len(tiles), width, height)
    each = width // made.columns
    for index, tile in enumerate(tiles[: made.columns * made.rows]):
        down, across = divmod(index, made.columns)
        top = y + down * (lines_of(made.scale) + LABEL_AND_NOTE + 1)
        _draw(canvas, tile, x + across * each, top, each - GAP, made.scale)
    return y + made.height


def _draw(canvas: Canvas, tile: Tile, x: int, y: int, width: int, scale: Scale) -> None:
    role = "stale" if tile.is_stale else tile.role
    glyph = GLYPHS.get(role, "")
    canvas.spans(x, y, [(glyph, role), (tile.label, "muted" if role == "text" else role)], width)
    value = tile.value
    while scale > 1 and width_in(value, scale) > width:
        scale = SMALLER[scale]
    if width_in(value, scale) <= width:
        canvas.block(x, y + 1, drawn(value, scale, hatched=tile.is_stale), role)
    else:
        canvas.put(x, y + 2, f"▶ {value}", role)
    note = tile.trust.label or tile.note
    canvas.spans(x, y + 1 + lines_of(scale), [(note, tile.trust.role if tile.trust.label else "muted")], width)
