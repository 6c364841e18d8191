"""Writes cells to a terminal in few bytes: it knows where the cursor is and which pen is set.

Only what every terminal since the VT220 does is used: moves, SGR, and erasing where the terminal's own background is
wanted. Erasing to a colour (bce) is known neither to kitty nor to all of tmux and screen, whatever TERM says. Repeating
a character (REP) is not known to mosh, so it is used only where the terminal has shown that it does it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain, pairwise
from operator import ne

from .cells import is_doubtful, units_of
from .pens import GROUNDS, PLAIN, change, for_blanks
from .pieces import Piece, end_of_text, is_blank, pieces_of
from .row import Row

PROBE = "\x1b[H \x1b[3b\x1b[6n"
PROBE_COLUMN = 4
"""Where the cursor is after the probe, counted from 0, if blanks can be repeated."""

_REPEATED = re.compile(" {6,}")
_ERASED = re.compile(" {11,}")
_MANY = " " * 6
"""Fewer blanks cost less as they are."""

MOVE_BYTES = 5
"""Within a row, about."""


@dataclass(slots=True)
class Stroke:
    """Output that begins with a known pen at a known column and row; `at` is None where nobody knows."""

    width: int
    can_repeat: bool = False
    pen: str = PLAIN
    at: tuple[int, int] | None = None
    written: list[str] = field(default_factory=list)

    def draw(self, y: int, pieces: Iterable[Piece]) -> None:
        """Write pieces of a row, in this order."""
        write = self.written.append
        held = self.pen
        column = self._column_of(y)
        for start, end, pen, text in pieces:
            if pen != held:
                wanted = for_blanks(held, pen) if is_blank(text) else pen
                write(change(held, wanted))
                held = wanted
            if column != start:
                write(_move_within(column, start, y))
            column = end
            if text.isascii() or _is_plain(text):
                write(self._shorter(text, held) if _MANY in text else text)
            else:
                column = self._put_units(text, start, y)
        self.pen = held
        self.at = None if column is None or column >= self.width else (column, y)

    def erase_rest(self, y: int, row: Row, x: int) -> None:
        """Leave the row blank from here on, on the terminal's own background."""
        self.pick(for_blanks(self.pen, row.pens[-1]))
        self.move(x, y)
        self.written.append("\x1b[K")

    def pick(self, pen: str) -> None:
        """Write with this pen from now on."""
        if pen != self.pen:
            self.written.append(change(self.pen, pen))
            self.pen = pen

    def _shorter(self, text: str, pen: str) -> str:
        if self.can_repeat:
            return _REPEATED.sub(_repeat, text)
        return text if GROUNDS[pen] else _ERASED.sub(_erase, text)

    def _put_units(self, text: str, x: int, y: int) -> int | None:
        """Write cells of which some may come out wider or narrower than thought; return where that ends, if known.

        Doubtful ones get blanks below them, and a fresh move after them.
        """
        cells = units_of(text)
        starts = [index for index, unit in enumerate(cells) if unit]
        column: int | None = x
        for start, end in pairwise([*starts, len(cells)]):
            doubtful = is_doubtful(cells[start])
            for one in (" " * (end - start), cells[start]) if doubtful else (cells[start],):
                if column != x + start:
                    self.written.append(_move_within(column, x + start, y))
                self.written.append(one)
                column = None if doubtful else x + end
        return column

    def move(self, x: int, y: int) -> None:
        """Go there."""
        if self.at != (x, y):
            self.written.append(_move_within(self._column_of(y), x, y))
            self.at = (x, y)

    def _column_of(self, y: int) -> int | None:
        """Where the cursor is, if it is known to be in this row."""
        return self.at[0] if self.at is not None and self.at[1] == y else None


def _move_within(column: int | None, x: int, y: int) -> str:
    """The cheapest move from a column of row `y`, or from nobody knows where."""
    if column is None:
        return f"\x1b[{y + 1 if y else ''};{x + 1}H" if x else f"\x1b[{y + 1}H"
    if x < column:
        return f"\x1b[{x + 1}G" if x else "\r"
    return f"\x1b[{x - column}C"


def draw_row(stroke: Stroke, y: int, row: Row, changes: list[int]) -> None:
    """Make these columns of a row right."""
    rest = end_of_text(row)
    is_erased = row.width - rest > 3 and changes[-1] >= rest
    pieces = pieces_of(row, [x for x in changes if x < rest] if is_erased else changes)
    stroke.draw(y, _in_order(pieces, stroke.pen))
    if is_erased:
        stroke.erase_rest(y, row, max(rest, pieces[-1][1] if pieces else 0))


def _in_order(pieces: list[Piece], held: str) -> list[Piece]:
    """From left to right, or pen by pen where moving back and forth costs less than taking up the same pens again."""
    groups: dict[str, list[Piece]] = {held: []}  # a pen that is held is used up first
    for piece in pieces:
        groups.setdefault(piece[2], []).append(piece)
    if len(groups) > len(pieces):
        return pieces
    by_pen = list(chain.from_iterable(groups.values()))
    return min(pieces, by_pen, key=lambda order: _bytes_beside_text(order, held))


def _bytes_beside_text(pieces: list[Piece], held: str) -> int:
    """What pens and moves cost, about, when pieces are written in this order."""
    starts, ends, pens, _ = zip(*pieces, strict=True)
    moves: int = sum(map(ne, starts[1:], ends))
    return MOVE_BYTES * moves + sum(map(len, map(change, (held, *pens), pens)))


@lru_cache(maxsize=16384)
def _is_plain(text: str) -> bool:
    """Whether all terminals take the same number of cells for it."""
    return not any(map(is_doubtful, units_of(text)))


def _repeat(blanks: re.Match[str]) -> str:
    return f" \x1b[{len(blanks[0]) - 1}b"


def _erase(blanks: re.Match[str]) -> str:
    count = len(blanks[0])
    return f"\x1b[{count}X\x1b[{count}C"
