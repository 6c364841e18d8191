"""Reads one Prometheus: everything that matters at each turn, and between turns what somebody begins to look at."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator

from crashcart.backends.contract import Context, Interest, Pace
from crashcart.backends.errors import BackendError
from crashcart.backends.model import Item

from .alerts import AlertReader
from .checks import CheckReader
from .desk import SOURCE, Desk
from .failures import WrongShape, no_prometheus
from .gpus import GpuReader
from .history import HistoryReader
from .memory import Memory
from .owners import OwnerReader
from .targets import TargetReader

_WAITING_ITEMS = 8
_RATE_SCRAPES = 4.0
_LEAST_RATE_SECONDS = 120.0


class PrometheusFeed:
    """The reading half of the backend, and all there is of it."""

    def __init__(self, context: Context, memory: Memory) -> None:
        self._desk = Desk(context.cluster, context.options)
        self._gpus = GpuReader(self._desk, memory.fleet, memory.times)
        self._alerts = AlertReader(self._desk)
        self._targets = TargetReader(self._desk, self._gpus.census, memory.failing_since)
        self._checks = CheckReader(self._desk, self._gpus)
        self._owners = OwnerReader(self._desk, self._gpus)
        self._history = HistoryReader(self._desk, self._gpus)
        self._interest = Interest()
        self._seen = Interest()
        self._glance = asyncio.Event()
        self._is_introduced = False

    def attend(self, interest: Interest) -> None:
        """Histories of this come at once, and at each turn from now on."""
        self._interest = interest
        self._glance.set()

    async def watch(self, pace: Pace) -> AsyncGenerator[Item, None]:
        """Rows, columns and owners of GPUs; alerts, failing targets and checks, each listed completely; histories."""
        items: asyncio.Queue[Item | BackendError] = asyncio.Queue(_WAITING_ITEMS)
        tasks = [
            asyncio.create_task(self._turns(pace, items), name="prometheus turns"),
            asyncio.create_task(self._glances(items), name="prometheus histories"),
        ]
        try:
            while True:
                item = await _next(items, tasks)
                if isinstance(item, BackendError):
                    raise item
                yield item
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        """End what is on its way."""
        self._desk.client.close()

    async def _turns(self, pace: Pace, items: asyncio.Queue[Item | BackendError]) -> None:
        try:
            while True:
                await pace.turn()
                async for item in self._turn():
                    await items.put(item)
        except BackendError as error:
            await items.put(error)

    async def _glances(self, items: asyncio.Queue[Item | BackendError]) -> None:
        """Read what is looked at whenever that changes and after each turn."""
        while True:
            await self._glance.wait()
            self._glance.clear()
            if not self._is_introduced:
                continue  # the first turn rings again
            interest, anew = self._interest, self._interest != self._seen
            self._seen = interest
            for history in await self._history.read(interest, anew=anew):
                await items.put(history)

    async def _turn(self) -> AsyncGenerator[Item, None]:
        await self._greet()
        async for item in self._gpus.read():
            yield item
        self._set_rate_window()
        for reader in (self._targets, self._alerts, self._owners):
            told = await reader.read()
            if told is not None:
                yield told
        yield await self._checks.read()
        yield self._desk.client.ledger.item(SOURCE, self._desk.cluster, self._desk.clock.when)
        self._is_introduced = True
        self._glance.set()

    async def _greet(self) -> None:
        """Ask for the server's time: the cheapest question, and what every other time is reckoned by."""
        client = self._desk.client
        sent = time.time()
        try:
            _, server_time = await client.scalar("server time", "time()")
        except WrongShape as error:
            if self._is_introduced:
                raise
            raise no_prometheus(self._desk.options.base_url, "its answer is not that of Prometheus") from error
        self._desk.clock.measured(server_time, sent, time.time())

    def _set_rate_window(self) -> None:
        own = self._desk.options.rate_window_seconds
        scrapes = _RATE_SCRAPES * self._gpus.times.interval_seconds
        self._desk.promql.rate_seconds = own if own is not None else max(_LEAST_RATE_SECONDS, scrapes)


async def _next(items: asyncio.Queue[Item | BackendError], tasks: list[asyncio.Task[None]]) -> Item | BackendError:
    """The next item. A task that ended without one ended by an error, which is raised here."""
    waiting = asyncio.create_task(items.get(), name="prometheus item")
    try:
        await asyncio.wait({waiting, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            for task in tasks:
                if task.done():
                    task.result()
        return await waiting
    finally:
        waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await waiting
