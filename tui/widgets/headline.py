"""The line above a view: what it shows, how narrowed, how sorted, and where the cursor is."""

from __future__ import annotations

from textual.strip import Strip

from crashcart.tui.cells import Span, width_of
from crashcart.tui.look import Look

from .lines import LineWidget


class Headline(LineWidget):
    """Spans to the left, a place to the right."""

    def __init__(self, look: Look, *, id: str | None = None) -> None:
        super().__init__(look, id=id)
        self._left: tuple[Span, ...] = ()
        self._right: tuple[Span, ...] = ()

    def say(self, left: tuple[Span, ...], right: tuple[Span, ...] = ()) -> None:
        """Show these."""
        self._left, self._right = left, right
        self.repaint()

    def draw_line(self, y: int, width: int) -> Strip:
        left = sum(width_of(text) for text, _ in self._left) + 1
        right = sum(width_of(text) for text, _ in self._right) + 1
        if left + right + 1 > width:
            return self.line((" ", "text"), *self._left, width=width)
        gap = (" " * (width - left - right), "text")
        return self.line((" ", "text"), *self._left, gap, *self._right, width=width)
