"""Writes cells to a terminal in few bytes: it knows where the cursor is and which pen is set.

Only what every terminal since the VT220 does is used: moves, SGR, and erasing where the terminal's own background is
wanted. Erasing to a colour (bce) is known neither to kitty nor to all of tmux and screen, whatever TERM says. Repeating
a character (REP) is not known to mosh, so it is used only where the terminal has shown that it does it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise

from .cells import EMOJI, is_doubtful
from .pens import GROUNDS, PLAIN, change, for_blanks
from .pieces import Piece, end_of_text, pieces_of
from .row import Row

PROBE = "\x1b[H \x1b[3b\x1b[6n"
PROBE_COLUMN = 4
"""Where the cursor is after the probe, counted from 0, if blanks can be repeated."""

_REPEATED = re.compile(" {6,}")
_ERASED = re.compile(" {11,}")
"""Fewer blanks cost less as they are."""


@dataclass(slots=True)
class Stroke:
    """Output that begins with a known pen at a known column and row; `at` is None where nobody knows."""

    width: int
    can_repeat: bool = False
    pen: str = PLAIN
    at: tuple[int, int] | None = None
    size: int = 0  # bytes
    written: list[str] = field(default_factory=list)

    def next(self) -> Stroke:
        """An empty one that goes on where this one ends."""
        return Stroke(self.width, self.can_repeat, self.pen, self.at)

    def draw(self, y: int, row: Row, pieces: list[Piece]) -> None:
        """Write pieces of a row, in this order."""
        for piece in pieces:
            chars = row.chars[piece.start : piece.end]
            self.pick(for_blanks(self.pen, piece.pen) if piece.is_blank else piece.pen)
            text = "".join(chars)
            if text.isascii() or not _has_doubtful(text, chars):
                self._put(text, piece.start, piece.end, y)
            else:
                self._put_units(chars, piece.start, y)

    def erase_rest(self, y: int, row: Row, x: int) -> None:
        """Leave the row blank from here on, on the terminal's own background."""
        self.pick(for_blanks(self.pen, row.pens[-1]))
        self.move(x, y)
        self._write("\x1b[K")

    def pick(self, pen: str) -> None:
        """Write with this pen from now on."""
        if pen != self.pen:
            self._write(change(self.pen, pen))
            self.pen = pen

    def _put(self, text: str, start: int, end: int, y: int) -> None:
        """Write text into these columns."""
        self.move(start, y)
        if self.can_repeat:
            text = _REPEATED.sub(_repeat, text)
        elif not GROUNDS[self.pen]:
            text = _ERASED.sub(_erase, text)
        self._write(text)
        self.at = (end, y) if end < self.width else None

    def _put_units(self, chars: list[str], x: int, y: int) -> None:
        """Cells of which some may come out wider or narrower than thought: blanks below, and a fresh move after."""
        starts = [index for index, unit in enumerate(chars) if unit]
        for start, end in pairwise([*starts, len(chars)]):
            if not is_doubtful(chars[start]):
                self._put(chars[start], x + start, x + end, y)
                continue
            for text in (" " * (end - start), chars[start]):
                self._put(text, x + start, x + end, y)
                self.at = None

    def move(self, x: int, y: int) -> None:
        """Go there, the cheapest way."""
        if self.at == (x, y):
            return
        if self.at is None or self.at[1] != y:
            self._write(f"\x1b[{y + 1 if y else ''};{x + 1}H" if x else f"\x1b[{y + 1}H")
        elif x < self.at[0]:
            self._write(f"\x1b[{x + 1}G" if x else "\r")
        else:
            steps = x - self.at[0]
            self._write(f"\x1b[{steps}C" if steps > 1 else "\x1b[C")
        self.at = (x, y)

    def _write(self, text: str) -> None:
        self.written.append(text)
        self.size += len(text) if text.isascii() else len(text.encode())


def draw_row(before: Stroke, y: int, row: Row, changes: list[int]) -> Stroke:
    """The shortest output found that makes these columns of a row right."""
    rest = end_of_text(row)
    is_erased = row.width - rest > 3 and changes[-1] >= rest
    pieces = pieces_of(row, [x for x in changes if x < rest] if is_erased else changes)
    stroke = before.next()
    stroke.draw(y, row, pieces)
    pens = {piece.pen: index for index, piece in reversed(list(enumerate(pieces)))}
    if len(pieces) > len(pens) + 1:  # a move may cost less than taking up the same pen again
        by_pen = before.next()
        by_pen.draw(y, row, sorted(pieces, key=lambda piece: pens[piece.pen]))
        stroke = min(stroke, by_pen, key=lambda one: one.size)
    if is_erased:
        stroke.erase_rest(y, row, max(rest, pieces[-1].end if pieces else 0))
    return stroke


def _has_doubtful(text: str, chars: list[str]) -> bool:
    return max(text) >= EMOJI or any(len(unit) > 1 for unit in chars)


def _repeat(blanks: re.Match[str]) -> str:
    return f" \x1b[{len(blanks[0]) - 1}b"


def _erase(blanks: re.Match[str]) -> str:
    count = len(blanks[0])
    return f"\x1b[{count}X\x1b[{count}C"
