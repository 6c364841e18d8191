"""The line for filters (`/`) and commands (`:`), with completions above it."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.strip import Strip
from textual.widgets import Input

from crashcart.tui import commands
from crashcart.tui.cells import Span, width_of
from crashcart.tui.look import Look

from .lines import LineWidget

Purpose = Literal["filter", "command"]
_SIGN: dict[Purpose, str] = {"filter": " / ", "command": " : "}


class Hints(LineWidget):
    """One line: completions, or what is wrong with what was typed."""

    ground = "surface"

    def __init__(self, look: Look, *, id: str | None = None) -> None:
        super().__init__(look, id=id)
        self._spans: tuple[Span, ...] = ()

    def say(self, *spans: Span) -> None:
        """Show these."""
        self._spans = spans
        self.repaint()

    def draw_line(self, y: int, width: int) -> Strip:
        return self.line((" ", "text"), *self._spans, width=width)


class Sign(LineWidget):
    """`/` or `:`."""

    ground = "surface"
    text = " / "

    def draw_line(self, y: int, width: int) -> Strip:
        return self.line((self.text, "title"), width=width)


class Prompt(Vertical):
    """Hidden until it is opened; while it has the focus no single letter is a command."""

    BINDINGS: ClassVar[list[BindingType]] = commands.bindings("prompt")  # type: ignore[assignment]

    class Changed(Message):
        """Something was typed."""

        def __init__(self, purpose: Purpose, text: str) -> None:
            super().__init__()
            self.purpose = purpose
            self.text = text

    class Done(Message):
        """Accepted; `text` None when it was cancelled."""

        def __init__(self, purpose: Purpose, text: str | None) -> None:
            super().__init__()
            self.purpose = purpose
            self.text = text

    def __init__(self, look: Look, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._look = look
        self._purpose: Purpose = "filter"
        self._complete: Callable[[str], list[str]] = lambda text: []
        self._offers: list[str] = []
        self._offered: int | None = None
        self._typed: dict[Purpose, list[str]] = {"filter": [], "command": []}
        self._recalled = 0
        self.is_open = False

    def compose(self) -> ComposeResult:
        yield Hints(self._look, id="hints")
        with Horizontal():
            yield Sign(self._look, id="sign")
            yield Input(id="typed", compact=True, select_on_focus=False)

    def open(self, purpose: Purpose, text: str, complete: Callable[[str], list[str]]) -> None:
        """Appear with this text to be edited."""
        self._purpose, self._complete = purpose, complete
        self._recalled = len(self._typed[purpose])
        self.is_open = True
        self.display = True
        sign = self.query_one(Sign)
        sign.text = _SIGN[purpose]
        sign.repaint()
        field = self.query_one(Input)
        field.value = text
        field.cursor_position = len(text)
        self._offer(text)
        self.screen.set_focus(field)  # at once: `focus()` comes later, and the next letter would be a command

    def say_error(self, text: str) -> None:
        """Say what is wrong with what was typed; an empty text takes it back."""
        if text:
            self.query_one(Hints).say((f"✕ {text}", "crit"))

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if not self.is_open:
            return
        if self._offered is None or self._offers[self._offered] != event.value:
            self._offer(event.value)
        self.post_message(self.Changed(self._purpose, event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_accept()

    def _offer(self, text: str) -> None:
        self._offers, self._offered = self._complete(text), None
        self._show_offers()

    def _show_offers(self) -> None:
        spans: list[Span] = []
        used = 0
        start = max(0, (self._offered or 0) - 3)
        for index, offer in enumerate(self._offers[start:], start):
            word = offer.rstrip().rsplit(" ", 1)[-1]
            used += width_of(word) + 2
            if used > self.size.width - 2:
                break
            spans.append((f"{word}  ", "accent" if index == self._offered else "muted"))
        self.query_one(Hints).say(*spans)

    def action_complete(self) -> None:
        """Put the next completion on the line."""
        if not self._offers:
            return
        self._offered = 0 if self._offered is None else (self._offered + 1) % len(self._offers)
        field = self.query_one(Input)
        if len(self._offers) == 1:
            only = self._offers[0]
            field.value = only
            field.cursor_position = len(only)
            self._offer(only)
            return
        field.value = self._offers[self._offered]
        field.cursor_position = len(field.value)
        self._show_offers()

    def action_recall(self, steps: int) -> None:
        """Walk through what was typed before."""
        typed = self._typed[self._purpose]
        self._recalled = max(0, min(len(typed), self._recalled + steps))
        field = self.query_one(Input)
        field.value = typed[self._recalled] if self._recalled < len(typed) else ""
        field.cursor_position = len(field.value)

    def action_accept(self) -> None:
        text = self.query_one(Input).value
        if text and text not in self._typed[self._purpose][-1:]:
            self._typed[self._purpose].append(text)
        self.post_message(self.Done(self._purpose, text))

    def action_cancel(self) -> None:
        self.post_message(self.Done(self._purpose, None))

    def close(self) -> None:
        """Go away."""
        self.is_open = False
        self.display = False
