"""An app whose whole output goes through one painter, at the pace the terminal takes it."""

from __future__ import annotations

import asyncio
import time

from rich.color import ColorSystem
from rich.console import RenderableType
from textual import constants
from textual._ansi_sequences import SYNC_END, SYNC_START
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.app import App
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver
from textual.geometry import Offset
from textual.screen import Screen
from textual.widgets import Input

from .gauge import Gauge
from .meter import Meter
from .pace import LAG_SECONDS, Pace
from .painter import Painter
from .pencil import PROBE, PROBE_COLUMN
from .terminal_driver import TerminalDriver

ONE_READ = 1_000
"""Characters that a terminal takes in at once: less cannot be seen half painted, and need not be held together."""

LATE_LOOKS = 3
"""A second without an answer may be a lid that was closed, or ctrl-s."""


class PaintedApp(App[None], inherit_bindings=False):
    """What the compositor makes is taken in at once; it is written when the terminal has taken what came before.

    Writing hangs on the loop and not on a message pump: a pump that waits for something must not hold up the screen.
    """

    def __init__(self) -> None:
        super().__init__()
        self.meter = Meter()
        self.is_diffed = True
        """Otherwise Textual paints as it does by itself; to be chosen before the app runs."""
        self._painting = Painter()
        self._pace = Pace()
        self._turn: dict[int, None] = {}  # rows of the refresh that is being written
        self._timer_on: asyncio.TimerHandle | None = None
        self._tenure = 0
        self._wants_probe = self._is_probing = False
        self._late = 0  # seconds in a row
        self._has_lagged = False

    def get_driver_class(self) -> type[Driver]:
        """Textual's choice, with a gauge where it is a terminal."""
        chosen = super().get_driver_class()
        return TerminalDriver if chosen is LinuxDriver else chosen

    @property
    def _gauge(self) -> Gauge | None:
        return self._driver if isinstance(self._driver, Gauge) else None

    # what goes in

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        """Called by Textual with every update of every screen."""
        gauge = self._gauge
        if gauge is None or not self.is_diffed or not isinstance(renderable, (LayoutUpdate, ChopsUpdate)):
            if gauge is not None and renderable is not None:
                if reset := self._painting.lay_down_pen():
                    gauge.write(reset)
                self.forget_terminal()
            super()._display(screen, renderable)
            return
        if self._running and not self._closed:
            self._follow(gauge)
            rows = self._painting.take(renderable, self.console._color_system or ColorSystem.TRUECOLOR)
            if self._pace.is_slow and self._pace.is_urgent(gauge.key_at, time.monotonic()):
                self._turn = dict.fromkeys((*rows, *self._turn))
            self._write_on()
        self.post_display_hook()

    def _follow(self, gauge: Gauge) -> None:
        """Notice that the terminal was somebody else's meanwhile."""
        if gauge.tenure != self._tenure:
            self._tenure = gauge.tenure
            gauge.on_answer = self._answered
            self._wants_probe = True
            self._painting.can_repeat = False
            self.forget_terminal()

    def forget_terminal(self) -> None:
        """Something else wrote to the terminal: every cell is painted again, with the next update at the latest."""
        self._painting.forget()
        self._turn = {}

    def on_resize(self) -> None:
        """A terminal that changed its size, even there and back, has made of its cells what it likes."""
        self.forget_terminal()

    def on_app_focus(self) -> None:
        """Nobody looked for a while, and a message to all terminals may have come. Over a slow link it may stay."""
        if not self._pace.is_slow:
            self.forget_terminal()

    def on_mount(self) -> None:
        self.set_interval(1.0, self._look_at_terminal)

    def _look_at_terminal(self) -> None:
        """Each second: what was written, whether it arrived, and what could not be written for some reason."""
        gauge, now = self._gauge, time.monotonic()
        if gauge is None or gauge.is_away:
            return
        self.meter.note(now, gauge.size_bytes)
        self.meter.round_trip = self._pace.round_trip
        self._late = self._late + 1 if max(gauge.lag, self._pace.round_trip or 0.0) > LAG_SECONDS else 0
        if self._late == LATE_LOOKS and not self._pace.is_slow and not self._has_lagged:
            self._has_lagged = True
            self.terminal_lags()
        if self._painting.dirty:
            self._write_on()

    def terminal_lags(self) -> None:
        """The terminal cannot keep up; told once."""

    def use_slow_link(self, is_slow: bool) -> None:
        """Write for a slow link from now on, or no longer."""
        self._pace.is_slow = self.meter.is_slow_link = is_slow
        self.animation_level = "none" if is_slow else constants.TEXTUAL_ANIMATIONS

    # what comes out

    def _write_on(self) -> None:
        """Write the next piece, or come back when it may be written."""
        gauge, now = self._gauge, time.monotonic()
        if gauge is None or gauge.is_away or self._batch_count:
            return
        if self._timer_on is not None:
            self._timer_on.cancel()
            self._timer_on = None
        if not gauge.is_drained:
            gauge.when_drained(self._write_on)
        elif wait := self._until_next(gauge, now):
            self._timer_on = asyncio.get_running_loop().call_later(wait, self._write_on)
        else:
            if not self._turn:
                self._turn = dict(self._painting.dirty)
                self._pace.opened(now)
            self._write_piece(gauge, now)

    def _until_next(self, gauge: Gauge, now: float) -> float:
        """Seconds until a piece may be written."""
        wait = self._pace.until_answer(now)
        return wait or (0.0 if self._turn else self._pace.until_refresh(gauge.key_at, now))

    def _write_piece(self, gauge: Gauge, now: float) -> None:
        text = self._painting.paint(self._turn, self._pace.limit, self._cursor())
        self._turn = {y: None for y in self._turn if y in self._painting.dirty}
        if text:
            is_held = self._sync_available and (self._pace.is_slow or len(text) > ONE_READ)
            start, end = (SYNC_START, SYNC_END) if is_held else ("", "")
            probe = self._probe(now)
            gauge.write(f"{probe}{start}{text}{end}{'' if probe else self._pace.question(now)}")
        if self._painting.dirty:
            self._write_on()

    def _probe(self, now: float) -> str:
        """Before the first piece for a terminal: ask whether it can repeat blanks; what that writes is painted over."""
        if not self._wants_probe:
            return ""
        self._wants_probe, self._is_probing = False, True
        self._pace.asked(now)
        return PROBE

    def _cursor(self) -> Offset | None:
        """Where the terminal's own cursor belongs: nobody sees it, but input methods open there."""
        if not isinstance(self.focused, Input):
            return None
        return self.screen.outer_size.clamp_offset(self.cursor_position)

    def _answered(self, when: float, column: int) -> None:
        """The terminal has shown all that was written before the question."""
        if self._is_probing:
            self._is_probing = False
            self._painting.can_repeat = column == PROBE_COLUMN
        self._pace.answered(when)
        if self._painting.dirty:
            self._write_on()
