"""The line at the bottom: the most useful keys of what has the focus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual.strip import Strip

from crashcart.tui import commands
from crashcart.tui.cells import Span, width_of
from crashcart.tui.commands import Scope
from crashcart.tui.look import Look

from .lines import LineWidget

MOST = 8


class KeyBar(LineWidget):
    """`enter Details  / Filter  x Act ...`, at most eight, as many as fit."""

    def __init__(
        self,
        look: Look,
        scopes: Sequence[Scope],
        keymap: Mapping[str, str],
        *,
        ground: str = "panel",
        id: str | None = None,
    ) -> None:
        super().__init__(look, id=id)
        self._scopes = tuple(scopes)
        self._keymap = keymap
        self.ground = ground

    def show(self, scopes: Sequence[Scope]) -> None:
        """Show the keys of other scopes."""
        if tuple(scopes) != self._scopes:
            self._scopes = tuple(scopes)
            self.repaint()

    def draw_line(self, y: int, width: int) -> Strip:
        spans: list[Span] = [(" ", "text")]
        used = 1
        for command, key in commands.footer(self._scopes, self._keymap)[:MOST]:
            item: list[Span] = [("   " if used > 1 else "", "text"), (key, "accent"), (f" {command.title}", "muted")]
            length = sum(width_of(text) for text, _ in item)
            if used + length > width:
                break
            spans += item
            used += length
        return self.line(*spans, width=width)
