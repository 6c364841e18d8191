"""Everything above a view: who and where, what is wrong with the picture, the views, and what this one shows."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical

from crashcart.tui.cells import Span
from crashcart.tui.look import Look
from crashcart.tui.shown import Shown

from .banner import Banner
from .headline import Headline
from .strip import StatusStrip
from .tabs import ViewTabs


class Chrome(Vertical):
    """Strip, banner, tabs and headline; told once a second and at every change."""

    def __init__(self, look: Look, shown: Shown, strip: StatusStrip) -> None:
        super().__init__(id="chrome")
        self._strip = strip
        self._banner = Banner(look, shown, id="banner")
        self._tabs = ViewTabs(look, shown, id="tabs")
        self._headline = Headline(look, id="headline")

    def compose(self) -> ComposeResult:
        yield self._strip
        yield self._banner
        yield self._tabs
        yield self._headline

    def tick(self) -> None:
        """Ages and counts."""
        self._strip.repaint()
        self._banner.tick()
        self._tabs.repaint()

    def say(self, headline: tuple[tuple[Span, ...], tuple[Span, ...]]) -> None:
        """What the view shows, to the left and to the right."""
        self._headline.say(*headline)

    def show_tab(self, view: str) -> None:
        """Which view is in front."""
        self._tabs.current = view

    def set_rights(self, text: str) -> None:
        """Who the operator is to the executor."""
        self._strip.rights = (text, "muted")
        self._strip.repaint()
