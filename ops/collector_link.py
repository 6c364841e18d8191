"""The cockpit's end of the collector: takes its messages in, and comes back when it dies, freezes or goes away."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

from crashcart.backends import wire
from crashcart.backends.errors import BackendError, Denied, Malformed, Unreachable, Unsupported

from .collector_ends import CollectorEnd, HeardReader, collector_end
from .greeting import introduce, parted
from .session import Session
from .store import Store

RESTART_SECONDS = 0.5
LONGEST_RESTART_SECONDS = 10.0
JITTER = 0.2

REFUSED_SECONDS = 60.0
"""Whoever refused us is asked again seldom: a wrong login that is repeated locks an account."""

OnChange = Callable[[frozenset[str]], None]


class CollectorLink:
    """Feeds a store from the collector that the session names for as long as it runs."""

    def __init__(self, session: Session, *, log: Path | None = None, first: CollectorEnd | None = None) -> None:
        self._session = session
        self._log = log
        self._next = first
        self._focus = wire.Focus()
        self._writer: asyncio.StreamWriter | None = None
        self._chance = random.Random()  # noqa: S311 - jitter, not a secret

    def look_at(self, focus: wire.Focus) -> None:
        """Tell the collector, and every one that follows it, what is on the screen in detail."""
        if focus == self._focus:
            return
        self._focus = focus
        if self._writer is not None:
            self._writer.write(wire.frame(focus))

    async def run(self, store: Store, on_change: OnChange) -> None:
        """Apply messages to `store` and call `on_change` with the kinds that changed, until cancelled."""
        pause = RESTART_SECONDS
        while True:
            end = self._next or collector_end(self._session, self._log)
            self._next = None
            try:
                trouble = await self._attempt(end, store, on_change)
            finally:
                end.kill()
            pause = RESTART_SECONDS if store.collector_alive else min(pause * 2, LONGEST_RESTART_SECONDS)
            is_refused = isinstance(trouble, Denied | Unsupported)
            store.collector_lost(str(trouble))
            on_change(frozenset(("source",)))
            await asyncio.sleep(REFUSED_SECONDS if is_refused else pause * self._chance.uniform(1 - JITTER, 1 + JITTER))

    async def _attempt(self, end: CollectorEnd, store: Store, on_change: OnChange) -> BackendError:
        """Follow one collector until it ends, freezes, parts or talks nonsense; return why."""
        try:
            reader, writer = await end.open()
        except BackendError as error:
            return error
        try:
            await self._follow(end, reader, writer, store, on_change)
        except TimeoutError:
            return Unreachable(f"{end.where} gives no sign of life; {_next_step(end)}")
        except Malformed as error:
            return Malformed(f"{end.where} makes no sense ({error}); {_next_step(end)}")
        except BackendError as error:
            return error
        finally:
            self._writer = None
            writer.transport.abort()
        return Unreachable(f"{end.where} has gone; {_next_step(end)}")

    async def _follow(
        self, end: CollectorEnd, reader: HeardReader, writer: asyncio.StreamWriter, store: Store, on_change: OnChange
    ) -> None:
        loop = asyncio.get_running_loop()
        silent = end.silent_seconds
        async with asyncio.timeout(end.hello_seconds) as deadline:
            await introduce(reader, writer, end.where)
            reader.on_data = lambda: None if deadline.expired() else deadline.reschedule(loop.time() + silent)
            deadline.reschedule(loop.time() + silent)
            self._writer = writer
            writer.write(wire.frame(self._focus))
            store.collector_up()
            on_change(frozenset(("source",)))
            try:
                await self._take(reader, store, on_change)
            finally:
                reader.on_data = lambda: None

    async def _take(self, reader: HeardReader, store: Store, on_change: OnChange) -> None:
        async for message in wire.messages(reader):
            if isinstance(message, wire.Goodbye):
                raise parted(message)
            changed = store.apply(message)
            if changed:
                on_change(changed)


def _next_step(end: CollectorEnd) -> str:
    return "it is tried again" if end.is_shared else "restarting it"
