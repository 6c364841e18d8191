"""The views by their keys, with how many things each holds."""

from __future__ import annotations

from textual import events
from textual.message import Message
from textual.strip import Strip

from crashcart.backends.entity import Kind
from crashcart.tui import words
from crashcart.tui.cells import Span
from crashcart.tui.commands import BY_ID, shown_keys
from crashcart.tui.look import Look
from crashcart.tui.monitoring import firing_count
from crashcart.tui.places import KIND_OF, ROOT_VIEWS, SIDE_VIEWS
from crashcart.tui.shown import Shown

from .emptiness import is_unheard
from .lines import LineWidget

TAB_OF = dict.fromkeys(SIDE_VIEWS, "alerts") | {"pods": "jobs", "budgets": "jobs", "events": "nodes"}
"""Side views stay under the tab that leads to them."""


class ViewTabs(LineWidget):
    """`1 Heatmap  2 Nodes 64  3 Jobs 312 ...`; the current one stands out."""

    class Picked(Message):
        """A view was clicked."""

        def __init__(self, view: str) -> None:
            super().__init__()
            self.view = view

    def __init__(self, look: Look, shown: Shown, *, id: str | None = None) -> None:
        super().__init__(look, id=id)
        self._shown = shown
        self.current = "heatmap"
        self._ends: list[tuple[int, str]] = []

    def draw_line(self, y: int, width: int) -> Strip:
        spans: list[Span] = []
        self._ends.clear()
        used = 0
        for view in ROOT_VIEWS:
            command = BY_ID[f"go.{view}"]
            here = view == TAB_OF.get(self.current, self.current)
            tab: list[Span] = [
                (f" {shown_keys(command.keys)} ", "accent" if here else "faint"),
                (command.title, "title" if here else "muted"),
                (self._count(view), "text" if here else "faint"),
                ("  ", "text"),
            ]
            used += sum(len(text) for text, _ in tab)
            self._ends.append((used, view))
            spans += tab
        return self.line(*spans, width=width)

    def _count(self, view: str) -> str:
        kind = KIND_OF.get(view)
        if kind in (None, "gpu"):
            return ""
        if kind == "alert" and not self._shown.store.is_loading("alert"):
            firing = firing_count(self._shown, self.look.clock.now())
            return " ?" if firing is None else f" {words.count(firing)}"
        if self._shown.store.is_loading(_kind(view)):
            return "" if is_unheard(self._shown, _kind(view)) else " …"
        return f" {words.count(len(self._shown.keys(KIND_OF[view])))}"

    def on_click(self, event: events.Click) -> None:
        for end, view in self._ends:
            if event.x < end:
                self.post_message(self.Picked(view))
                return


def _kind(view: str) -> Kind:
    kinds: dict[str, Kind] = {"nodes": "node", "jobs": "job", "alerts": "alert", "queues": "queue"}
    return kinds[view]
