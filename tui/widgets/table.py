"""One virtual table for every list: it holds an order of keys and draws the rows that are on the screen.

The cursor and the marks belong to keys, not to positions: a refresh moves neither them nor the viewport. Moving the
cursor paints two rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.message import Message
from textual.strip import Strip

from crashcart.tui import commands
from crashcart.tui.cells import Align, Span, fit, padded, strip_of, width_of
from crashcart.tui.columns.column import GAP, Cell, Column, lay_out
from crashcart.tui.look import Look

from .lines import LineWidget

Row = tuple[tuple[Cell, ...], bool]
"""The cells of a row, and whether what they show is stale."""

RowReader = Callable[[str, Sequence[Column[Any]]], Row]
GUTTER = 1


class Table(LineWidget, can_focus=True):
    """Rows of columns with a header, a cursor and marks."""

    BINDINGS: ClassVar[list[BindingType]] = [*commands.bindings("motion", "list")]

    class Moved(Message):
        """The cursor is on another key, or the marks changed."""

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, Table.Moved)

    class Opened(Message):
        """The operator wants details of `key`."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    class SortAsked(Message):
        """The operator wants another order: the next column, or the same turned round."""

        def __init__(self, reverse: bool) -> None:
            super().__init__()
            self.reverse = reverse

    class CopyAsked(Message):
        """The operator wants this key's name on the clipboard."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    def __init__(self, look: Look, columns: Sequence[Column[Any]], read: RowReader, *, id: str | None = None) -> None:
        super().__init__(look, id=id)
        self.columns = columns
        self._read = read
        self.order: Sequence[str] = ()
        self.cursor_key: str | None = None
        self.marks: dict[str, None] = {}
        self.sorted_by: tuple[str, bool] = ("", False)  # column id, descending
        self.message: Sequence[tuple[Span, ...]] = ()  # shown instead of rows when there are none
        self._cursor = 0
        self._top = 0

    # data

    def set_order(self, order: Sequence[str]) -> None:
        """Show these keys in this order; the cursor stays on its key, or where it was when that is gone."""
        self.order = order
        if self.cursor_key is None or not self._holds_cursor(order):
            self._cursor = max(0, min(self._cursor, len(order) - 1))
            self.cursor_key = order[self._cursor] if order else None
        self._top = max(0, min(self._top, len(order) - self.page_rows))
        self.repaint()

    def _holds_cursor(self, order: Sequence[str]) -> bool:
        if self._cursor < len(order) and order[self._cursor] == self.cursor_key:
            return True
        try:
            self._cursor = order.index(self.cursor_key or "")
        except ValueError:
            return False
        return True

    def drop_marks(self, gone: Callable[[str], bool]) -> None:
        """Forget marks of what no longer exists: nobody can see them."""
        self.marks = {key: None for key in self.marks if not gone(key)}

    @property
    def page_rows(self) -> int:
        """Rows that fit below the header."""
        return max(1, self.size.height - 1)

    @property
    def position(self) -> int:
        """Index of the cursor in the order."""
        return self._cursor

    def move_to(self, key: str) -> None:
        """Put the cursor on a key and bring it into view."""
        if key in self.order:
            self._go(self.order.index(key))

    # moving

    def _go(self, index: int) -> None:
        if not self.order:
            return
        before, top = self._cursor, self._top
        self._cursor = max(0, min(index, len(self.order) - 1))
        self.cursor_key = self.order[self._cursor]
        if self._cursor < self._top:
            self._top = self._cursor
        elif self._cursor >= self._top + self.page_rows:
            self._top = self._cursor - self.page_rows + 1
        rows = (self._line_of(before), self._line_of(self._cursor))
        self.repaint([y for y in rows if 1 <= y < self.size.height] if self._top == top else None)
        self.post_message(self.Moved())

    def _line_of(self, index: int) -> int:
        """The line on which the row `index` is drawn; it may lie outside of the viewport."""
        return index - self._top + 1

    def action_step(self, _columns: int, rows: int) -> None:
        self._go(self._cursor + rows)

    def action_page(self, pages: float) -> None:
        self._go(self._cursor + round(pages * self.page_rows))

    def action_edge(self, side: int) -> None:
        self._go(0 if side < 0 else len(self.order) - 1)

    def action_open(self) -> None:
        if self.cursor_key is not None:
            self.post_message(self.Opened(self.cursor_key))

    def action_copy(self) -> None:
        if self.cursor_key is not None:
            self.post_message(self.CopyAsked(self.cursor_key))

    def action_mark(self) -> None:
        if self.cursor_key is None:
            return
        if self.cursor_key in self.marks:
            del self.marks[self.cursor_key]
        else:
            self.marks[self.cursor_key] = None
        self._go(self._cursor + 1)

    def action_mark_range(self) -> None:
        """Mark everything between the last mark that is shown and the cursor."""
        shown = {key: index for index, key in enumerate(self.order)} if self.marks else {}
        start = next((shown[key] for key in reversed(self.marks) if key in shown), self._cursor)
        low, high = sorted((start, self._cursor))
        self.marks.update(dict.fromkeys(self.order[low : high + 1]))
        self.repaint()
        self.post_message(self.Moved())

    def action_clear_marks(self) -> None:
        self.marks.clear()
        self.repaint()
        self.post_message(self.Moved())

    def action_sort_next(self) -> None:
        self.post_message(self.SortAsked(reverse=False))

    def action_sort_reverse(self) -> None:
        self.post_message(self.SortAsked(reverse=True))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self._scroll(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self._scroll(-3)

    def _scroll(self, rows: int) -> None:
        self._top = max(0, min(self._top + rows, len(self.order) - self.page_rows))
        self.repaint()

    def on_click(self, event: events.Click) -> None:
        index = self._top + event.y - 1
        if event.y >= 1 and index < len(self.order):
            self._go(index)
            if event.chain == 2:
                self.action_open()

    # drawing

    def draw_line(self, y: int, width: int) -> Strip:
        columns = lay_out(self.columns, max(1, width - GUTTER - 1))
        if y == 0:
            return self._header(columns, width)
        index = self._top + y - 1
        if not self.order:
            return self.message_line(self.message, y - 1, self.page_rows, width)
        if index >= len(self.order):
            return self.line(width=width)
        return self._row(index, columns, width, self._thumb(y - 1))

    def _header(self, columns: Sequence[tuple[Column[Any], int]], width: int) -> Strip:
        panel = self.look.palette.on
        parts = [(" " * GUTTER, panel("panel", "muted"))]
        sorted_by, descending = self.sorted_by
        for column, cells in columns:
            title, role = column.title, "muted"
            if column.id == sorted_by:
                title, role = f"{title} {'▼' if descending else '▲'}", "accent"
                if width_of(title) > cells:
                    title = title.replace(" ", "")
            gap = " " * GAP if len(parts) > 1 else ""
            parts.append((gap + fit(title, cells, column.align), panel("panel", role)))
        return strip_of(parts, width, panel("panel"))

    def _row(self, index: int, columns: Sequence[tuple[Column[Any], int]], width: int, thumb: str) -> Strip:
        key = self.order[index]
        cells, stale = self._read(key, [column for column, _ in columns])
        ground = "cursor" if index == self._cursor and self.has_focus_within else self.ground
        style = self.look.palette.on
        marked = key in self.marks
        lead = "◆" if marked else "▌" if index == self._cursor else " "
        parts: list[tuple[str, Style]] = [(lead, style(ground, "mark" if marked else "accent"))]
        for (column, room), cell in zip(columns, cells, strict=True):
            if len(parts) > 1:
                parts.append((" " * GAP, style(ground)))
            for text, role in _fitted(cell, room, column.align):
                parts.append((text, style(ground, "stale" if stale else role)))
        body = strip_of(parts, width - 1, style(ground))
        return Strip([*body, *strip_of([(thumb, style(self.ground, "border"))], 1, style(self.ground))], width)

    def _thumb(self, y: int) -> str:
        """One cell of the scroll bar."""
        rows, total = self.page_rows, len(self.order)
        if total <= rows:
            return " "
        size = max(1, rows * rows // total)
        start = round((rows - size) * self._top / (total - rows))
        return "┃" if start <= y < start + size else " "

    def on_focus(self) -> None:
        self.repaint()

    def on_blur(self) -> None:
        self.repaint()


def _fitted(cell: Cell, room: int, align: Align) -> list[Span]:
    """The spans of a cell in exactly `room` cells."""
    if len(cell) == 1:
        return list(padded(cell[0][0], room, cell[0][1], align))
    shown: list[Span] = []
    for text, role in cell:
        if room <= 0:
            break
        length = width_of(text)
        shown.append((text if length <= room else fit(text, room), role))
        room -= length
    if room > 0:
        shown.append((" " * room, "text"))
    return shown
