"""Reads this machine's GPUs at each turn, in a thread that may hang without harm to anybody else."""

from __future__ import annotations

import socket
import time
from array import array
from collections.abc import AsyncGenerator

from crashcart.backends.contract import Context, Pace
from crashcart.backends.errors import BackendError
from crashcart.backends.model import Batch, Check, GpuColumn, GpuOwners, GpuRows, Item, Load, RequestLoad

from .checks import SOURCE, CheckBook
from .driver import Driver, Sweep
from .memory import Memory
from .options import Options
from .processes import ProcessTable, owner_of
from .worker import Hangs, Worker

CLOSE_SECONDS = 1.0


class NvmlFeed:
    """The reading half of the backend, and all there is of it. `memory` outlives it."""

    def __init__(self, context: Context, memory: Memory, processes: ProcessTable | None = None) -> None:
        self._options: Options = context.options
        self._cluster = context.cluster
        self._host = context.node_name(self._options.host or socket.gethostname().partition(".")[0])
        self._memory = memory
        self._checks = CheckBook(context.cluster)
        self._driver = Driver(self._options.library, processes or ProcessTable())
        self._worker: Worker[Sweep | BackendError] = Worker("nvml")
        self._told_generation = 0
        self._owners: tuple[str, ...] = ()

    async def watch(self, pace: Pace) -> AsyncGenerator[Item, None]:
        """How the driver is, then rows, columns and owners. Raises Unsupported where there is no library."""
        while True:
            await pace.turn()
            for item in await self._turn():
                yield item

    async def close(self) -> None:
        """Let go of the driver; may be called twice."""
        await self._worker.close(self._driver.close, CLOSE_SECONDS)

    async def _turn(self) -> list[Item]:
        seconds = self._options.timeout_seconds
        try:
            found = await self._worker.ask(self._driver.sweep, seconds)
        except Hangs:
            now = time.time()
            return [self._listing(self._checks.hanging(self._driver.asking, seconds, now), now), *self._ages(now)]
        if isinstance(found, BackendError):
            raise found
        self._memory.take(found)
        return [
            self._listing(self._checks.of_sweep(found, self._memory), found.when),
            *self._rows(),
            *self._numbers(found.when),
            *self._ages(found.when),
            *self._labels(found.when),
            self._cost(found),
        ]

    def _listing(self, checks: tuple[Check, ...], when: float) -> Batch:
        return Batch(SOURCE, self._cluster, "check", when, checks, complete=True)

    def _rows(self) -> list[Item]:
        memory = self._memory
        if not memory.slots or self._told_generation == memory.generation:
            return []
        self._told_generation = memory.generation
        stale_after = 3.0 * self._options.interval_seconds + self._options.timeout_seconds
        count = (len(memory.slots),)
        return [GpuRows(SOURCE, self._cluster, memory.generation, (self._host,), count, stale_after)]

    def _numbers(self, when: float) -> list[Item]:
        return [self._column(metric, when, values) for metric, values in self._memory.columns.items()]

    def _ages(self, when: float) -> list[Item]:
        return [self._column("age_seconds", when, self._memory.ages(when))] if self._told_generation else []

    def _column(self, metric: str, when: float, values: array[float]) -> GpuColumn:
        return GpuColumn(SOURCE, self._cluster, self._memory.generation, metric, when, memoryview(values).cast("B"))

    def _labels(self, when: float) -> list[Item]:
        owners = tuple("" if gpu is None else owner_of(gpu.processes) for gpu in self._memory.rows)
        if owners == self._owners or not owners:
            return []
        self._owners = owners
        return [GpuOwners(SOURCE, self._cluster, self._memory.generation, when, owners)]

    def _cost(self, sweep: Sweep) -> Load:
        request = RequestLoad(
            "all GPUs of this machine", self._options.interval_seconds, sweep.seconds, 0, len(sweep.gpus)
        )
        return Load(SOURCE, self._cluster, sweep.when, (request,))
