"""A list that scrolls: its rows are on the terminal already, a few lines away, and the terminal can move them.

A line more of a job list is then the line and the cursor, and not forty rows written anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import NamedTuple

from .row import Row

LEAST_ROWS = 5
"""Fewer are cheaper written than moved."""


class Shift(NamedTuple):
    """Rows from `top` to before `bottom` move up by so many lines, or down where `up` is negative."""

    top: int
    bottom: int
    up: int

    @property
    def text(self) -> str:
        """What the terminal is told; what it leaves in the rows that become free differs from one to the next."""
        lines = f"{self.up}M" if self.up > 0 else f"{-self.up}L"
        return f"\x1b[{self.top + 1};{self.bottom}r\x1b[{self.top + 1}H\x1b[{lines}\x1b[r"

    def move(self, rows: Sequence[Row]) -> None:
        """Let the rows know what is written now."""
        written = [(row.written_chars, row.written_pens) for row in rows]
        for y in range(self.top, self.bottom):
            source = y + self.up
            if self.top <= source < self.bottom:
                rows[y].written_chars, rows[y].written_pens = written[source]
            else:
                rows[y].is_unknown()


def found_shift(rows: Sequence[Row], dirty: Collection[int]) -> Shift | None:
    """How most of the dirty rows have moved, if they have. All rows that would move are dirty."""
    moved: dict[int, str] = {}
    written: dict[str, int | None] = {}  # None: it is there more than once
    for y in sorted(dirty):
        row = rows[y]
        if row.written_chars is None or row.chars is row.written_chars:
            continue
        wanted, before = "".join(row.chars), "".join(row.written_chars)
        if wanted != before:
            moved[y] = wanted
            written[before] = None if before in written else y
    if len(moved) < LEAST_ROWS:
        return None
    sources = {y: source for y, text in moved.items() if (source := written.get(text)) is not None and text.strip()}
    ups = Counter(source - y for y, source in sources.items())
    up, count = ups.most_common(1)[0] if ups else (0, 0)
    if count < max(LEAST_ROWS, len(moved) // 2):
        return None
    both = [y for target, source in sources.items() if source - target == up for y in (target, source)]
    shift = Shift(min(both), max(both) + 1, up)
    return shift if all(y in dirty for y in range(shift.top, shift.bottom)) else None
