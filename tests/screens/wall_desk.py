"""A wall over a scripted collector and a clock that stands still: tests say what is heard and how time passes."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from textual.pilot import Pilot

from crashcart.backends import wire
from crashcart.ops.session import ClusterSession, Session
from crashcart.tui.wall.app import WallApp
from crashcart.tui.wall.options import PAGES, WallOptions

from .clock import ManualClock
from .cluster import CLUSTER
from .monitoring import monitored
from .scripted import ScriptedCollector

os.environ["TZ"] = "UTC"
time.tzset()


class Wall:
    """One running wall."""

    def __init__(self, app: WallApp, pilot: Pilot[None], collector: ScriptedCollector, clock: ManualClock) -> None:
        self.app = app
        self.pilot = pilot
        self.collector = collector
        self.clock = clock

    @property
    def text(self) -> str:
        """What is on the screen."""
        strips = self.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip) for strip in strips)

    async def hears(self, *messages: wire.Message | None) -> Wall:
        """Let the collector say something."""
        self.collector.push(*messages)
        await self.collector.applied.wait()
        return await self.draws()

    async def waits(self, seconds: float) -> Wall:
        """Let time pass on the manual clock."""
        self.clock.advance(seconds)
        return await self.draws()

    async def draws(self) -> Wall:
        self.app.draw_now()
        await self.pilot.pause()
        return self

    def shows(self, *texts: str) -> None:
        """All of these are on the screen."""
        for text in texts:
            assert text in self.text, f"{text!r} is not on the wall:\n{self.text}"

    def lacks(self, *texts: str) -> None:
        """None of these is."""
        for text in texts:
            assert text not in self.text, f"{text!r} is on the wall:\n{self.text}"


def make_wall(
    messages: Sequence[wire.Message] | None = None, *, theme: str = "night", **options: Any
) -> tuple[WallApp, ScriptedCollector, ManualClock]:
    """A wall of all pages; `options` are those of WallOptions."""
    collector, clock = ScriptedCollector(monitored() if messages is None else messages), ManualClock()
    if "size_" in options:
        options["size"] = options.pop("size_")  # that of the picture; `size` is that of the terminal
    wanted = WallOptions(**{"pages": PAGES, **options})
    session = Session((ClusterSession(CLUSTER),), "/nonexistent/audit.jsonl")
    return WallApp(session, collector, wanted, theme=theme, clock=clock), collector, clock


@asynccontextmanager
async def wall(
    messages: Sequence[wire.Message] | None = None,
    *,
    size: tuple[int, int] = (100, 28),
    theme: str = "night",
    **options: Any,
) -> AsyncIterator[Wall]:
    """A wall that has heard its first picture."""
    app, collector, clock = make_wall(messages, theme=theme, **options)
    async with app.run_test(size=size) as pilot:
        place = Wall(app, pilot, collector, clock)
        if messages != ():
            await asyncio.wait_for(collector.applied.wait(), 5.0)
        await place.draws()
        yield place
