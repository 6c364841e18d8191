"""The operator's desk: tests read like a runbook, from key presses to what the screen shows."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from textual.pilot import Pilot

from crashcart.backends import wire
from crashcart.ops.session import ApprovalsSession, ClusterSession, Session
from crashcart.tui.app import CrashcartApp

from .clock import ManualClock
from .cluster import CLUSTER, everything
from .scripted import ScriptedCollector, ScriptedExecutor

DEADLINE_SECONDS = 5.0
BETWEEN_KEYS_SECONDS = 0.08
"""How fast the operator of these tests types, on the manual clock."""

os.environ["TZ"] = "UTC"
time.tzset()


def make_app(
    *,
    messages: Sequence[wire.Message] | None = None,
    executor: ScriptedExecutor | None = None,
    theme: str = "night",
    clock: ManualClock | None = None,
    audit_file: str = "/nonexistent/audit.jsonl",
    approvals: ApprovalsSession | None = None,
) -> tuple[CrashcartApp, ScriptedCollector, ManualClock]:
    """An app over scripted processes and a clock that stands still."""
    collector = ScriptedCollector(everything() if messages is None else messages)
    clock = clock or ManualClock()
    session = Session((ClusterSession(CLUSTER),), audit_file, approvals=approvals)
    app = CrashcartApp(session, collector, executor, theme=theme, clock=clock, identity="alice@login1")
    return app, collector, clock


class Desk:
    """One running cockpit with its operator."""

    def __init__(
        self,
        app: CrashcartApp,
        pilot: Pilot[None],
        collector: ScriptedCollector,
        executor: ScriptedExecutor | None,
        clock: ManualClock,
    ) -> None:
        self.app = app
        self.pilot = pilot
        self.collector = collector
        self.clock = clock
        self._executor = executor

    @property
    def executor(self) -> ScriptedExecutor:
        assert self._executor is not None, "this desk is read-only"
        return self._executor

    @property
    def lines(self) -> list[str]:
        """The text on the screen, dialogs included."""
        return ["".join(segment.text for segment in strip) for strip in self.app.screen._compositor.render_strips()]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    async def press(self, *keys: str) -> Desk:
        """Press keys as a person does, one after the other."""
        for key in keys:
            self.clock.advance(BETWEEN_KEYS_SECONDS)
            await self.pilot.press(key)
        await self.pilot.pause()
        return self

    async def types(self, text: str) -> Desk:
        """Type a text by hand."""
        return await self.press(*("space" if letter == " " else letter for letter in text))

    async def bursts(self, text: str) -> Desk:
        """Deliver keys all at once, as a terminal does that was blocked or is pasted into."""
        for letter in text:
            await self.pilot.press("space" if letter == " " else letter)
        await self.pilot.pause()
        return self

    async def hears(self, *messages: wire.Message | None) -> Desk:
        """Let the collector say something and the screen draw it."""
        self.collector.push(*messages)
        await self.collector.applied.wait()
        self.app._draw_changes()
        await self.pilot.pause()
        return self

    async def waits(self, seconds: float) -> Desk:
        """Let time pass on the manual clock."""
        self.clock.advance(seconds)
        self.app.cockpit.tick()
        await self.pilot.pause()
        return self

    async def shows(self, *texts: str) -> Desk:
        """Everything here is on the screen, at the latest when the deadline has passed."""
        end = time.monotonic() + DEADLINE_SECONDS
        while any(text not in self.text for text in texts) and time.monotonic() < end:
            await self.pilot.pause(0.02)
        for text in texts:
            assert text in self.text, f"{text!r} is not on the screen:\n{self.text}"
        return self

    async def lacks(self, *texts: str) -> Desk:
        """Nothing of this is on the screen."""
        await self.pilot.pause()
        for text in texts:
            assert text not in self.text, f"{text!r} is on the screen:\n{self.text}"
        return self

    async def goes(self, *texts: str) -> Desk:
        """These go away, at the latest when the deadline has passed."""
        end = time.monotonic() + DEADLINE_SECONDS
        while any(text in self.text for text in texts) and time.monotonic() < end:
            await self.pilot.pause(0.02)
        return await self.lacks(*texts)

    def row(self, text: str) -> str:
        """The line of the screen with this text."""
        return next(line for line in self.lines if text in line)


@asynccontextmanager
async def desk(
    *,
    size: tuple[int, int] = (120, 40),
    messages: Sequence[wire.Message] | None = None,
    executor: ScriptedExecutor | None = None,
    read_only: bool = False,
    theme: str = "night",
    audit_file: str = "/nonexistent/audit.jsonl",
    approvals: ApprovalsSession | None = None,
) -> AsyncIterator[Desk]:
    """A desk over the small cluster, with its picture drawn."""
    hands = None if read_only else executor or ScriptedExecutor()
    app, collector, clock = make_app(
        messages=messages, executor=hands, theme=theme, audit_file=audit_file, approvals=approvals
    )
    async with app.run_test(size=size, notifications=True) as pilot:
        place = Desk(app, pilot, collector, hands, clock)
        await asyncio.wait_for(collector.applied.wait(), DEADLINE_SECONDS) if messages != () else None
        app._draw_changes()
        await pilot.pause()
        yield place
