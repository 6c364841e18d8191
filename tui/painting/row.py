"""One row of the terminal twice: as it is wanted, and as it was last written.

Lists are replaced, never changed in place: what was written is then the wanted list itself, and most rows are told
apart from the terminal by identity.
"""

from __future__ import annotations

from itertools import compress
from operator import ne

from .pens import GROUNDS, PLAIN


class Row:
    """Cells as characters and pens. `written_chars` is None while nobody knows what is on the terminal."""

    __slots__ = ("chars", "pens", "width", "written_chars", "written_pens")

    def __init__(self, width: int) -> None:
        self.width = width
        self.chars = [" "] * width
        self.pens = [PLAIN] * width
        self.written_chars: list[str] | None = None
        self.written_pens: list[str] = []

    def place(self, x: int, chars: list[str], pens: list[str], end: int) -> None:
        """Want these cells from column `x` on, as far as `end`. The lists are the row's from then on."""
        room = end - x
        if len(chars) > room:
            _part(chars, room)
            del chars[room:], pens[room:]
        if len(chars) == self.width:
            self.chars, self.pens = chars, pens
        elif chars:
            beyond = x + len(chars)
            self.chars, self.pens = self.chars[:], self.pens[:]
            _part(self.chars, x)
            _part(self.chars, beyond)
            self.chars[x:beyond] = chars
            self.pens[x:beyond] = pens

    def changes(self) -> list[int]:
        """Columns where the terminal shows something else, in order."""
        if self.written_chars is None:
            return list(range(self.width))
        if self.chars is self.written_chars and self.pens is self.written_pens:
            return []
        columns = range(self.width)
        other_chars = list(compress(columns, map(ne, self.chars, self.written_chars)))
        other_pens = compress(columns, map(ne, self.pens, self.written_pens))
        found = [x for x in other_pens if self.chars[x] != " " or self._is_other_ground(x)]
        return sorted({*other_chars, *found}) if other_chars else found

    def _is_other_ground(self, x: int) -> bool:
        return GROUNDS[self.pens[x]] != GROUNDS[self.written_pens[x]]

    def is_written(self) -> None:
        """The terminal shows what is wanted."""
        self.written_chars, self.written_pens = self.chars, self.pens

    def is_unknown(self) -> None:
        """The terminal may show anything."""
        self.written_chars = None


def _part(chars: list[str], x: int) -> None:
    """Make blanks of a wide character that a cut before column `x` goes through, as a terminal does."""
    if not 0 < x < len(chars) or chars[x] != "":
        return
    start = x
    while start and chars[start] == "":
        start -= 1
    end = x
    while end < len(chars) and chars[end] == "":
        end += 1
    chars[start:end] = [" "] * (end - start)
