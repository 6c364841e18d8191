"""A page of details: scrolls line by line, and jumps from link to link."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.message import Message
from textual.strip import Strip

from crashcart.tui import commands
from crashcart.tui.cells import Span, strip_of
from crashcart.tui.commands import Scope
from crashcart.tui.look import Look
from crashcart.tui.pages.page import Page, PageLine
from crashcart.tui.places import Place
from crashcart.tui.selection import Selection

from .lines import LineWidget

PageMaker = Callable[[Place, int], Page | None]


class Details(LineWidget, can_focus=True):
    """Shows one place; it is made anew when the picture changes, and the cursor stays on its line."""

    BINDINGS: ClassVar[list[BindingType]] = [*commands.bindings("motion", "page")]
    scopes: tuple[Scope, ...] = ("motion", "app")
    filter_kind = None
    filter_text = ""

    class Followed(Message):
        """The operator followed a link."""

        def __init__(self, place: Place) -> None:
            super().__init__()
            self.place = place

    class CopyAsked(Message):
        """The operator wants the name on the clipboard."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self, look: Look, make: PageMaker, *, id: str | None = None) -> None:
        super().__init__(look, id=id)
        self._make = make
        self._place = Place("node", "")
        self._page: Page | None = None
        self._cursor: int | None = None
        self._top = 0
        self._gone = False

    def visit(self, place: Place) -> None:
        """Show another place from its beginning."""
        if place != self._place:
            self._place, self._top, self._cursor, self._page = place, 0, None, None
        self.refresh_picture()

    @property
    def watched(self) -> tuple[tuple[str, str], ...]:
        """(cluster, host) of the machines whose series are on the page."""
        return self._page.watched if self._page is not None else ()

    def apply_filter(self, text: str) -> None:
        """Details are not filtered."""

    def refresh_picture(self) -> None:
        """Make the page from the picture; a thing that is gone leaves its last page, marked as gone."""
        page = self._make(self._place, max(40, self.size.width - 4))
        self._gone = page is None
        if page is not None:
            held = self._link_at_cursor()
            self._page = page
            links = self._links()
            same = [index for index in links if page.lines[index].link == held]
            if self._cursor not in same:
                self._cursor = next(iter(same or links), None)
        self.repaint()

    def _link_at_cursor(self) -> Place | None:
        return self._lines[self._cursor].link if self._cursor is not None else None

    def tick(self) -> None:
        """Ages are part of the page."""
        self.refresh_picture()

    def on_resize(self) -> None:
        super().on_resize()
        self.refresh_picture()

    @property
    def _lines(self) -> list[PageLine]:
        return self._page.lines if self._page else []

    def _links(self) -> list[int]:
        return [index for index, line in enumerate(self._lines) if line.link is not None]

    @property
    def _rows(self) -> int:
        return max(1, self.size.height)

    def headline(self) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
        """The title of the page."""
        if self._page is None:
            name = self._place.key.rpartition("/")[2] if self._place.view != "gpu" else self._place.key
            return ((f"There is no {self._place.view} {name} in the picture.", "warn"),), ()
        gone: tuple[Span, ...] = (("  ? gone: this is how it was last seen", "unknown"),) if self._gone else ()
        return (*self._page.title, *gone), ()

    def selections(self) -> list[Selection]:
        """The thing itself, and what the line under the cursor is about."""
        line = self._lines[self._cursor] if self._cursor is not None else None
        own = (self._page.subject, *self._page.others) if self._page else ()
        found = [*own, line.selection if line else None]
        return list(dict.fromkeys(selection for selection in found if selection is not None))

    # moving

    def action_step(self, _columns: int, rows: int) -> None:
        """To the next link when it is near, else one line."""
        links = self._links()
        ahead = [index for index in links if (index > (self._cursor or 0) if rows > 0 else index < (self._cursor or 0))]
        target = (ahead[0] if rows > 0 else ahead[-1]) if ahead else None
        if target is not None and self._top - 1 <= target <= self._top + self._rows:
            self._cursor = target
            self._top = max(min(self._top, target), target - self._rows + 1)
            if rows < 0 and target == links[0]:
                self._top = max(0, self._top - 1)
        else:
            self._scroll(rows)
        self.repaint()

    def _scroll(self, rows: int) -> None:
        self._top = max(0, min(self._top + rows, len(self._lines) - self._rows))
        self.repaint()

    def action_page(self, pages: float) -> None:
        self._scroll(round(pages * self._rows))
        near = [index for index in self._links() if self._top <= index < self._top + self._rows]
        if near and not (self._cursor is not None and self._top <= self._cursor < self._top + self._rows):
            self._cursor = near[0]
        self.repaint()

    def action_edge(self, side: int) -> None:
        links = self._links()
        self._cursor = (links[0] if side < 0 else links[-1]) if links else None
        self._scroll(side * len(self._lines))

    def action_open(self) -> None:
        place = self._link_at_cursor()
        if place is not None:
            self.post_message(self.Followed(place))

    def action_copy(self) -> None:
        if self._page is not None:
            self.post_message(self.CopyAsked(self._page.name))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self._scroll(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self._scroll(-3)

    def on_click(self, event: events.Click) -> None:
        index = self._top + event.y
        if index < len(self._lines) and self._lines[index].link is not None:
            self._cursor = index
            self.repaint()
            if event.chain == 2:
                self.action_open()

    # drawing

    def draw_line(self, y: int, width: int) -> Strip:
        index = self._top + y
        if index >= len(self._lines):
            return self.line(width=width)
        line = self._lines[index]
        here = index == self._cursor and line.link is not None
        ground = "cursor" if here else self.ground
        on = self.look.palette.on
        parts: list[tuple[str, Style]] = [("▌" if here else " ", on(ground, "accent"))]
        parts += ((text, on(ground, "stale" if self._gone else role)) for text, role in line.spans)
        return strip_of(parts, width, on(ground))
