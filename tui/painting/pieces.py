"""Which cells of a row are written, so that what has changed is right and no wide character is cut."""

from __future__ import annotations

from itertools import compress, pairwise
from operator import ne

from .cells import is_doubtful
from .pens import GROUNDS
from .row import Row

NEAR = 5
"""Columns to the next change up to which a move, of three or four bytes, may cost more than what lies between."""


Piece = tuple[int, int, str, str]
"""Start, end, pen and text of neighbouring cells; blanks among them may be of other pens of the same ground.

A plain tuple: a heatmap that changes everywhere is made of thousands.
"""


def pieces_of(row: Row, changes: list[int]) -> list[Piece]:
    """Pieces from left to right that cover the columns `changes`, each as long as no other pen is needed."""
    pieces: list[Piece] = []
    chars, pens = row.chars, row.pens
    for start, end in _runs(row, changes):
        cuts = [*compress(range(start + 1, end), map(ne, pens[start + 1 : end], pens[start : end - 1])), end]
        x, pen, text = start, pens[start], "".join(chars[start : cuts[0]])
        for cut, beyond in pairwise(cuts):
            other_pen = pens[cut]
            other = chars[cut] if beyond - cut == 1 else "".join(chars[cut:beyond])
            shared = pen if pen == other_pen else _shared(pen, text, other_pen, other)
            if shared is None:
                pieces.append((x, cut, pen, text))
                x, pen, text = cut, other_pen, other
            else:
                pen, text = shared, text + other
        pieces.append((x, end, pen, text))
    return pieces


def is_blank(text: str) -> bool:
    """Whether nothing but a ground is seen of it."""
    return text[0] == " " and not text.strip(" ")


def _shared(pen: str, text: str, other_pen: str, other: str) -> str | None:
    """The pen that two neighbours can both be written with, if there is one."""
    if GROUNDS[pen] != GROUNDS[other_pen]:
        return None
    if is_blank(other):
        return pen
    return other_pen if is_blank(text) else None


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
    return [(start, _whole_end(row.chars, end)) for start, end in runs]


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


def _whole_end(chars: list[str], end: int) -> int:
    """Behind the last character, all of it, and behind the next where one of doubtful width may have run into it.

    A run begins with a character: its second half cannot have changed alone.
    """
    end = _unit_end(chars, end)
    last = end - 1
    while not chars[last]:
        last -= 1
    return _unit_end(chars, min(end + 1, len(chars))) if is_doubtful(chars[last]) else end


def _unit_end(chars: list[str], end: int) -> int:
    while end < len(chars) and not chars[end]:
        end += 1
    return end
