"""A cockpit that paints on two terminals at once: as it does, and as Textual does by itself, from the same updates."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from rich.color import ColorSystem
from rich.console import RenderableType
from textual import events
from textual._compositor import CompositorUpdate
from textual.app import App
from textual.drivers.headless_driver import HeadlessDriver
from textual.message import Message
from textual.screen import Screen

from crashcart.backends import wire
from crashcart.tui.painting.gauge import Gauge
from tests.cell_terminal import CellTerminal, differences

from .desk import BETWEEN_KEYS_SECONDS, DEADLINE_SECONDS, Desk, make_app
from .scripted import ScriptedExecutor


class CellDriver(Gauge, HeadlessDriver):
    """Paints on a terminal of cells, which answers questions at once."""

    terminal: CellTerminal
    control: CellTerminal

    @property
    def is_headless(self) -> bool:
        return False

    @property
    def can_suspend(self) -> bool:
        return True

    def write(self, data: str) -> None:
        self.terminal.feed(data)

    def send_message(self, message: Message) -> None:
        if isinstance(message, events.Key):
            self.key_at = time.monotonic()
        super().send_message(message)

    def start_application_mode(self) -> None:
        self.terminal.on_question = lambda column: self.on_answer(0.0, column) if self.on_answer else None
        for terminal in (self.terminal, self.control):
            terminal.feed("\x1b[?1049h")
        self.tenure += 1
        self.is_away = False
        super().start_application_mode()

    def stop_application_mode(self) -> None:
        self.is_away = True


def paint_twice(app: App[None], ours: CellTerminal, control: CellTerminal) -> None:
    """Give an app that does not run yet its terminal, and one that gets what Textual would write."""

    class Driver(CellDriver):
        pass

    Driver.terminal, Driver.control = ours, control
    app.driver_class = Driver
    app.console._color_system = ColorSystem.TRUECOLOR
    display = app._display

    def both(screen: Screen[object], renderable: RenderableType | None) -> None:
        if isinstance(renderable, CompositorUpdate) and app._running and not app._batch_count:
            control.feed(renderable.render_segments(app.console))
        display(screen, renderable)

    app._display = both  # type: ignore[method-assign]


class PaintedDesk(Desk):
    """A desk that compares the two terminals."""

    ours: CellTerminal
    control: CellTerminal

    async def same(self) -> PaintedDesk:
        """Every cell of ours is as Textual paints it."""
        await self.pilot.pause()
        return await self.compare()

    async def compare(self) -> PaintedDesk:
        """The same, of a cockpit that has come to rest."""
        await self.written()
        found = differences(self.ours, self.control)
        assert not found, f"{len(found)} cells differ, among them: " + "; ".join(found[:5])
        return self

    async def written(self) -> None:
        """Wait until all that is wanted was written."""
        end = time.monotonic() + DEADLINE_SECONDS
        while self.app.is_diffed and self.app._painting.dirty and time.monotonic() < end:
            await self.pilot.pause(0.01)

    async def does(self, *keys: str) -> PaintedDesk:
        """Press keys one by one and compare after each."""
        for key in keys:
            self.clock.advance(BETWEEN_KEYS_SECONDS)
            await self.pilot.press(key)  # comes back when nothing is going on
            await self.compare()
        return self

    async def resize(self, columns: int, rows: int) -> PaintedDesk:
        """Drag the window."""
        for terminal in (self.ours, self.control):
            terminal.resize(columns, rows)
        await self.pilot.resize_terminal(columns, rows)
        return await self.same()


@asynccontextmanager
async def painted_desk(
    size: tuple[int, int] = (200, 50),
    *,
    messages: Sequence[wire.Message] | None = None,
    executor: ScriptedExecutor | None = None,
    theme: str = "night",
    repeats: bool = True,
) -> AsyncIterator[PaintedDesk]:
    """A running cockpit on two terminals, with its picture drawn."""
    hands = executor or ScriptedExecutor()
    app, collector, clock = make_app(messages=messages, executor=hands, theme=theme)
    ours, control = CellTerminal(*size, repeats=repeats), CellTerminal(*size)
    paint_twice(app, ours, control)
    async with app.run_test(headless=False, size=size, notifications=True) as pilot:
        desk = PaintedDesk(app, pilot, collector, hands, clock)
        desk.ours, desk.control = ours, control
        await asyncio.wait_for(collector.applied.wait(), DEADLINE_SECONDS)
        app._draw_changes()
        await desk.same()
        yield desk
