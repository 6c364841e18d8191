"""Knows every cell on the terminal and every cell that should be there, and writes the difference."""

from __future__ import annotations

from collections.abc import Iterable

from rich.color import ColorSystem
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.geometry import Offset

from .cells import cells_of
from .pencil import Stroke, draw_row
from .pens import PLAIN, RESET, parts_of
from .row import Row
from .shift import LEAST_ROWS, found_shift

Update = LayoutUpdate | ChopsUpdate


class Painter:
    """`take` what the compositor wants, in any number of updates, then `paint` the rows that are `dirty`.

    The pen and the cursor stay where the output before left them: whoever writes in between calls `forget`.
    """

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._width = 0
        self._pen: str | None = None  # None: nobody knows
        self._at: tuple[int, int] | None = None
        self.can_repeat = False
        self.dirty: dict[int, None] = {}  # rows that may differ from the terminal

    def take(self, update: Update, colors: ColorSystem) -> list[int]:
        """Want what an update shows; return its rows."""
        if isinstance(update, LayoutUpdate):
            rows = self._take_layout(update, colors)
        else:
            rows = self._take_chops(update, colors)
        self.dirty.update(dict.fromkeys(rows))
        return rows

    def lay_down_pen(self) -> str:
        """What somebody else has to find written who does not know the pen."""
        held, self._pen = self._pen, PLAIN
        return RESET if held else ""

    def forget(self) -> None:
        """Something else has written to the terminal, or it is another: write every cell again."""
        for row in self._rows:
            row.is_unknown()
        self.dirty = dict.fromkeys(range(len(self._rows)))
        self._pen = self._at = None

    def paint(self, rows: Iterable[int], limit: int | None = None, cursor: Offset | None = None) -> str:
        """What makes these rows right, those of them that there are; no further row once `limit` bytes are written.

        Painted rows are no longer dirty. The cursor is left at `cursor`.
        """
        stroke = Stroke(self._width, self.can_repeat, self._pen or PLAIN, self._at)
        if self._pen is None:
            stroke.written.append(RESET)
        wanted = [y for y in dict.fromkeys(rows) if y < len(self._rows)]
        if len(wanted) >= LEAST_ROWS and (shift := found_shift(self._rows, set(wanted))):
            shift.move(self._rows)
            stroke.written.append(shift.text)
            stroke.at = None
        size = 0
        for y in wanted:
            row = self._rows[y]
            changes = row.changes()
            if changes:
                before = len(stroke.written)
                draw_row(stroke, y, row, changes)
                if limit is not None:
                    size += len("".join(stroke.written[before:]).encode())
            row.is_written()
            self.dirty.pop(y, None)
            if limit is not None and size >= limit:
                break
        if parts_of(stroke.pen).link:
            stroke.pick(PLAIN)  # a reset would not end it
        if cursor is not None:
            stroke.move(*cursor)
        self._pen, self._at = stroke.pen, stroke.at
        return "".join(stroke.written)

    def _fit(self, width: int, height: int) -> None:
        """Another size is another terminal: nobody knows what it made of the cells it had."""
        if (width, height) != (self._width, len(self._rows)):
            self._width = width
            self._rows = [Row(width) for _ in range(height)]
            self.forget()

    def _take_layout(self, update: LayoutUpdate, colors: ColorSystem) -> list[int]:
        """The whole screen, each line from left to right."""
        x, y, width, height = update.region
        self._fit(x + width, y + height)
        for row, strips in zip(self._rows[y:], update.strips, strict=False):
            chars: list[str] = []
            pens: list[str] = []
            for strip in strips:
                more_chars, more_pens = cells_of(strip, colors)
                chars += more_chars
                pens += more_pens
            row.place(x, chars, pens, self._width)
        return list(range(y, y + height))

    def _take_chops(self, update: ChopsUpdate, colors: ColorSystem) -> list[int]:
        """Pieces of lines. A piece that is touched is taken whole: the compositor has rendered all of it."""
        ends = update.chop_ends
        self._fit(ends[0][-1] if ends else 0, len(update.chops))
        for y, x1, x2 in update.spans:
            for (x, strip), end in zip(update.chops[y].items(), ends[y], strict=True):
                if strip is not None and x < x2 and end > x1:
                    self._rows[y].place(x, *cells_of(strip, colors), end)
        return list(dict.fromkeys(y for y, _, _ in update.spans))
