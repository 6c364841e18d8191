"""Dialogs that only say something: messages, help, saved output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual.binding import BindingType

from crashcart.tui import commands
from crashcart.tui.cells import Span, fit
from crashcart.tui.commands import SCOPE_TITLES, Scope
from crashcart.tui.look import Look
from crashcart.tui.pages.page import wrapped
from crashcart.tui.widgets.text_body import BodyLine

from .dialog import Dialog


class TextScreen(Dialog[None]):
    """A title and text; any way of leaving does nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [*commands.bindings("text")]

    def __init__(self, look: Look, title: Sequence[Span], text: str | Sequence[BodyLine]) -> None:
        super().__init__(look)
        self._title = tuple(title)
        self._text = text

    def title_spans(self) -> tuple[Span, ...]:
        return self._title

    def body_lines(self) -> list[BodyLine]:
        if isinstance(self._text, str):
            return [((line, "text"),) for line in wrapped(self._text, self.text_width)]
        return list(self._text)

    def action_step(self, rows: int) -> None:
        self.body.scroll_lines(rows)

    def action_page(self, pages: int) -> None:
        self.body.scroll_pages(pages)

    def action_edge(self, side: int) -> None:
        self.body.scroll_lines(side * len(self.body.lines))

    def action_close(self) -> None:
        self.dismiss(None)


def help_lines(scopes: Sequence[Scope], keymap: Mapping[str, str]) -> list[BodyLine]:
    """All commands of these scopes, by scope."""
    lines: list[BodyLine] = []
    for scope in scopes:
        if lines:
            lines.append(())
        lines.append(((SCOPE_TITLES[scope], "title"),))
        for command in commands.of(scope):
            keys = commands.shown_keys(keymap.get(command.id, command.keys))
            lines.append(((fit(keys, 12), "accent"), (fit(command.title, 16), "strong"), (command.help, "muted")))
    return lines
