"""The base of all dialogs: a box in the middle with a title, a body of lines and a line of keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widget import Widget

from crashcart.tui.cells import Span
from crashcart.tui.commands import Scope
from crashcart.tui.look import Look
from crashcart.tui.widgets.keybar import KeyBar
from crashcart.tui.widgets.lines import LineWidget
from crashcart.tui.widgets.text_body import BodyLine, TextBody

Result = TypeVar("Result")
FRAME_LINES = 6
"""Border, title, blank, blank and keys around a dialog's body."""


class Dialog(ModalScreen[Result]):
    """A modal box. Subclasses give title and lines, and may put widgets between body and keys."""

    scope: Scope = "text"
    extra_lines = 0

    def __init__(self, look: Look) -> None:
        super().__init__()
        self.look = look
        self.title_body = TextBody(look)
        self.body = TextBody(look, id="lines")

    def title_spans(self) -> tuple[Span, ...]:
        """The first line of the box."""
        return ()

    def body_lines(self) -> list[BodyLine]:
        """What the box says."""
        return []

    def extras(self) -> Iterator[Widget]:
        """Widgets between body and keys."""
        return iter(())

    def compose(self) -> ComposeResult:
        self.title_body.lines = [self.title_spans()]
        self.body.lines = self.body_lines()
        with Vertical(id="box"):
            yield self.title_body
            yield self.body
            yield from self.extras()
            yield KeyBar(self.look, (self.scope,), {}, ground="surface", id="dialog-keys")

    def on_mount(self) -> None:
        self._limit()

    def on_resize(self) -> None:
        self._limit()

    def _limit(self) -> None:
        limit = max(3, self.app.size.height - FRAME_LINES - self.extra_lines)
        if limit != self.body.limit:
            self.body.limit = limit
            self.body.refresh(layout=True)

    def say_again(self) -> None:
        """Title and body anew."""
        self.title_body.say([self.title_spans()])
        self.body.say(self.body_lines())

    def forget(self) -> None:
        """Paint everything anew."""
        for widget in self.query(LineWidget):
            widget.forget()

    @property
    def text_width(self) -> int:
        """Cells for text, for wrapping before the box is laid out."""
        return max(30, min(self.box_width, self.app.size.width - 2) - 6)

    box_width = 100
