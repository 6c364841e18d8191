"""The wall's application: a picture, a clock and a round of pages. It has no way to change anything."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.filter import Monochrome, NoColor

from crashcart.ops.clock import Clock, SystemClock
from crashcart.ops.identity import NodeNames
from crashcart.ops.session import Session
from crashcart.tui import palette
from crashcart.tui.control_filter import ControlFilter
from crashcart.tui.look import Look
from crashcart.tui.painting.painted_app import PaintedApp
from crashcart.tui.shown import Shown
from crashcart.tui.theme import textual_theme
from crashcart.tui.theme_choice import choose_theme
from crashcart.tui.wardrobe import Wardrobe

from .board import Board
from .frame import Frame, Painter
from .masks import Masks
from .options import WallOptions
from .picture import WallStore
from .reader import Reader
from .rotation import Rotation
from .view import WallView
from .watchdog import Watchdog

FRESH_ALERT_SECONDS = 600.0
"""A critical alert no older than this stops the round of a wall that has only just started."""


class WallApp(PaintedApp, inherit_bindings=False):
    """Reads from `reader` into its own store and shows page after page."""

    ENABLE_COMMAND_PALETTE = False
    CSS = "Screen { background: $ground; overflow: hidden; } WallView { width: 100%; height: 100%; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,ctrl+c", "leave", "Leave", priority=True),
        Binding("space", "hold", "Hold"),
        Binding("left", "turn(-1)", "Back"),
        Binding("right", "turn(1)", "On"),
    ]

    def __init__(
        self,
        session: Session,
        reader: Reader,
        options: WallOptions,
        *,
        theme: str | None = None,
        clock: Clock | None = None,
        themes_folder: Path | None = None,
    ) -> None:
        super().__init__()
        self._filters = [NoColor() if isinstance(one, Monochrome) else one for one in self._filters]
        self._filters.append(ControlFilter())
        self._reader = reader
        self._clock = clock or SystemClock()
        wardrobe = Wardrobe(choose_theme(theme, os.environ), themes_folder)
        masks = Masks(options.masks)
        self.store = WallStore(options.clusters, masks)
        names = {cluster.name: NodeNames(cluster.node_rules) for cluster in session.clusters}
        self.board = Board(Shown(self.store, self._clock, names), self._clock, masks)
        self.rotation = Rotation(options.pages, options.every_seconds, self._clock.monotonic())
        self._painter = Painter(self.board)
        self._watchdog = Watchdog()
        look = Look(palette.build(wardrobe.chosen), self._clock)
        self.view = WallView(look, self._frame, options.size)
        self.register_theme(textual_theme(wardrobe.chosen))
        self.theme = wardrobe.chosen.name

    def compose(self) -> ComposeResult:
        yield self.view

    def on_mount(self) -> None:
        for name in (signal.SIGHUP, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(name, self.exit)
        self.run_worker(self._reader.run(self.store, self._heard), name="reader", exit_on_error=True)
        self._tick()
        self._watchdog.ready()

    def _heard(self, kinds: frozenset[str]) -> None:
        """News is drawn with the next second; that sources were heard is known at once."""
        self.board.sources.observe()

    def _tick(self) -> None:
        """At each full second, so that the clock never skips one."""
        self.draw_now()
        self._watchdog.alive()
        self.set_timer(1.02 - self._clock.now() % 1.0, self._tick)

    def draw_now(self) -> None:
        """Take in what was heard, and show this moment."""
        now = self._clock.monotonic()
        self.board.sources.observe()
        if not self.store.is_loading("alert"):
            criticals = self.board.criticals()
            fresh = {what for what, since in criticals.items() if self._clock.now() - since < FRESH_ALERT_SECONDS}
            self.rotation.criticals(frozenset(criticals), frozenset(fresh), now)
        self.rotation.tick(now)
        self.view.again()

    def _frame(self, width: int, height: int) -> Frame:
        return self._painter.frame(self.rotation, width, height)

    def action_leave(self) -> None:
        self.exit()

    def action_hold(self) -> None:
        """Stop the round, or let it go on."""
        self.rotation.hold(self._clock.monotonic())
        self.view.again()

    def action_turn(self, pages: int) -> None:
        """The next page, or the one before."""
        self.rotation.turn(pages, self._clock.monotonic())
        self.view.again()
