"""Lines of spans in a dialog: scrolls, and may have a cursor on lines that can be chosen."""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style
from textual import events
from textual.geometry import Size
from textual.strip import Strip

from crashcart.tui.cells import Span, strip_of
from crashcart.tui.look import Look

from .lines import LineWidget

BodyLine = tuple[Span, ...]


class TextBody(LineWidget):
    """As high as its lines, up to `limit`; then it scrolls and says so in its last cell."""

    ground = "surface"

    def __init__(self, look: Look, lines: Sequence[BodyLine] = (), *, id: str | None = None) -> None:
        super().__init__(look, id=id)
        self.lines: list[BodyLine] = list(lines)
        self.limit = 1_000
        self.cursor: int | None = None
        self._top = 0

    def say(self, lines: Sequence[BodyLine]) -> None:
        """Show other lines from where it is scrolled to."""
        resized = len(lines) != len(self.lines)
        self.lines = list(lines)
        self._top = max(0, min(self._top, len(self.lines) - self._rows))
        if resized:
            self.refresh(layout=True)
        self.repaint()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Called by Textual to lay the dialog out."""
        return max(1, min(len(self.lines), self.limit))

    @property
    def _rows(self) -> int:
        return max(1, self.size.height)

    def scroll_lines(self, rows: int) -> None:
        """Move the text."""
        self._top = max(0, min(self._top + rows, len(self.lines) - self._rows))
        self.repaint()

    def scroll_pages(self, pages: float) -> None:
        """Move the text by pages."""
        self.scroll_lines(round(pages * max(1, self._rows - 1)))

    def put_cursor(self, index: int | None) -> None:
        """Put the cursor on a line and bring it into view."""
        self.cursor = index
        self._keep_cursor_in_view()
        self.repaint()

    def _keep_cursor_in_view(self) -> None:
        if self.cursor is not None and self.size.height:
            self._top = max(min(self._top, self.cursor), self.cursor - self._rows + 1)

    def on_resize(self) -> None:
        super().on_resize()
        self._top = max(0, min(self._top, len(self.lines) - self._rows))
        self._keep_cursor_in_view()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.scroll_lines(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.scroll_lines(-3)

    def draw_line(self, y: int, width: int) -> Strip:
        index = self._top + y
        if index >= len(self.lines):
            return self.line(width=width)
        ground = "cursor" if index == self.cursor else self.ground
        on = self.look.palette.on
        parts: list[tuple[str, Style]] = [
            (text, self.look.palette.role(role) if role.startswith("badge") else on(ground, role))
            for text, role in self.lines[index]
        ]
        body = strip_of(parts, width - 1, on(ground))
        return Strip([*body, *strip_of([(self._thumb(y), on(self.ground, "border"))], 1, on(self.ground))], width)

    def _thumb(self, y: int) -> str:
        rows, total = self._rows, len(self.lines)
        if total <= rows:
            return " "
        size = max(1, rows * rows // total)
        start = round((rows - size) * self._top / (total - rows))
        return "┃" if start <= y < start + size else " "
