"""Which cells of a row are written, so that what has changed is right and no wide character is cut."""

from __future__ import annotations

from itertools import compress
from operator import ne
from typing import NamedTuple

from .cells import is_doubtful
from .pens import GROUNDS
from .row import Row

NEAR = 5
"""Columns to the next change up to which a move, of three or four bytes, may cost more than what lies between."""


class Piece(NamedTuple):
    """Neighbouring cells written with one pen. Blanks among them may be of other pens of the same ground."""

    start: int
    end: int
    pen: str
    is_blank: bool


def pieces_of(row: Row, changes: list[int]) -> list[Piece]:
    """Pieces from left to right that cover the columns `changes`."""
    pieces: list[Piece] = []
    for start, end in _runs(row, changes):
        first, pens, x = len(pieces), row.pens, start
        cuts = compress(range(start + 1, end), map(ne, pens[start + 1 : end], pens[start : end - 1]))
        for cut in [*cuts, end]:
            is_blank = not "".join(row.chars[x:cut]).strip(" ")
            piece = Piece(x, cut, pens[x], is_blank)
            if len(pieces) > first and (joined := _joined(pieces[-1], piece)):
                pieces[-1] = joined
            else:
                pieces.append(piece)
            x = cut
    return pieces


def _joined(left: Piece, right: Piece) -> Piece | None:
    """Two neighbours as one, where no change of pen is needed between them."""
    if left.pen == right.pen:
        return Piece(left.start, right.end, left.pen, left.is_blank and right.is_blank)
    if (left.is_blank or right.is_blank) and GROUNDS[left.pen] == GROUNDS[right.pen]:
        return Piece(left.start, right.end, right.pen if left.is_blank else left.pen, left.is_blank and right.is_blank)
    return None


def end_of_text(row: Row) -> int:
    """Column from which on a row is blank on the terminal's own background."""
    x = len(row.chars)
    while x and row.chars[x - 1] == " " and not GROUNDS[row.pens[x - 1]]:
        x -= 1
    return x


def _runs(row: Row, changes: list[int]) -> list[tuple[int, int]]:
    """Changes that are written without a move between them, as start and end."""
    if not changes:
        return []
    runs: list[tuple[int, int]] = []
    start = before = changes[0]
    for x in changes[1:] if changes[-1] - start >= len(changes) else ():
        if x - before > 1 and not _is_cheap(row, before, x):
            runs.append((start, before + 1))
            start = x
        before = x
    runs.append((start, changes[-1] + 1))
    return [_whole(row.chars, start, end) for start, end in runs]


def _is_cheap(row: Row, before: int, after: int) -> bool:
    """Whether the cells between two changes are written with no more bytes than a move."""
    if after - before > NEAR:
        return False
    pens = (row.pens[before], row.pens[after])
    grounds = (GROUNDS[pens[0]], GROUNDS[pens[1]])
    for char, pen in zip(row.chars[before + 1 : after], row.pens[before + 1 : after], strict=True):
        if not char or not char.isascii() or (pen not in pens if char != " " else GROUNDS[pen] not in grounds):
            return False
    return True


def _whole(chars: list[str], start: int, end: int) -> tuple[int, int]:
    """No half of a wide character, and the cell after one of doubtful width, which it may have run into."""
    while start and not chars[start]:
        start -= 1
    end = _unit_end(chars, end)
    last = end - 1
    while last > start and not chars[last]:
        last -= 1
    if is_doubtful(chars[last]):
        end = _unit_end(chars, min(end + 1, len(chars)))
    return start, end


def _unit_end(chars: list[str], end: int) -> int:
    while end < len(chars) and not chars[end]:
        end += 1
    return end
