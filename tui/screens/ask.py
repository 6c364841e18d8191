"""A question whose answer is y or anything else."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events

from crashcart.tui.cells import Span
from crashcart.tui.look import Look
from crashcart.tui.widgets.text_body import BodyLine

from .dialog import Dialog


class AskScreen(Dialog[bool]):
    """`y` says yes; every other key says no. For questions that change nothing on a cluster."""

    box_width = 56

    def __init__(self, look: Look, title: str, lines: Sequence[BodyLine]) -> None:
        super().__init__(look)
        self._title = title
        self._lines = list(lines)

    def title_spans(self) -> tuple[Span, ...]:
        return ((self._title, "title"),)

    def body_lines(self) -> list[BodyLine]:
        answer: BodyLine = (("y", "accent"), (" yes     ", "muted"), ("any other key", "accent"), (" no", "muted"))
        return [*self._lines, (), answer]

    def on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        self.dismiss(event.key == "y")
