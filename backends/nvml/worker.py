"""One thread for calls that may never come back: a driver that hangs must be a state, not a frozen collector."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from crashcart.backends.errors import Malformed

T = TypeVar("T")


class Hangs(Exception):
    """The work has not come back in time; it goes on."""


class Worker(Generic[T]):
    """Runs one piece of work at a time, which returns its errors rather than to raise them.

    The thread is a daemon: the process ends although a call hangs.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._inbox: queue.SimpleQueue[tuple[Callable[[], T], asyncio.Future[T]] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._running: asyncio.Future[T] | None = None

    async def ask(self, work: Callable[[], T], seconds: float) -> T:
        """The result of `work`, or of the work before it that was still running. Raises Hangs, Malformed."""
        if self._running is None:
            self._running = self._start(work)
        done, _ = await asyncio.wait({self._running}, timeout=seconds)
        if not done:
            raise Hangs
        finished, self._running = self._running, None
        return finished.result()

    async def close(self, last: Callable[[], T], seconds: float) -> None:
        """Run `last` when the thread is free within `seconds`, then end it; may be called twice."""
        if self._thread is None:
            return
        if self._running is not None:
            await asyncio.wait({self._running}, timeout=seconds)
        if self._running is None or self._running.done():
            self._running = None
            with contextlib.suppress(Hangs, Malformed):
                await self.ask(last, seconds)
        self._inbox.put(None)
        self._thread = None

    def _start(self, work: Callable[[], T]) -> asyncio.Future[T]:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._inbox.put((work, future))
        return future

    def _run(self) -> None:
        while (item := self._inbox.get()) is not None:
            work, future = item
            outcome: list[T] = []
            try:
                outcome.append(work())
            finally:
                with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                    future.get_loop().call_soon_threadsafe(self._settle, future, outcome)

    def _settle(self, future: asyncio.Future[T], outcome: list[T]) -> None:
        if not outcome:
            self._thread = None  # it ended with what went wrong; the next work gets another
        if future.done():
            return
        if outcome:
            future.set_result(outcome[0])
        else:
            future.set_exception(Malformed("the driver's answer could not be read; the collector's log says where"))
