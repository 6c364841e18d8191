"""Reads every Alertmanager at each turn and yields one picture of them, with what is wrong with alerting itself."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator

from crashcart.backends.contract import Context, Pace
from crashcart.backends.model import Batch, Item, Load

from .checks import Turn, checks
from .link import Link
from .memory import Memory
from .merge import merged_alerts, merged_silences
from .options import Options
from .parse import SOURCE
from .reading import Question, read_all, readings_of

METRICS_EVERY_SECONDS = 30.0


class AlertmanagerFeed:
    """The reading half of the backend."""

    def __init__(self, context: Context, memory: Memory) -> None:
        self._cluster = context.cluster
        self._options: Options = context.options
        self.memory = memory
        self._links = [Link(url, self._options) for url in self._options.urls]

    async def watch(self, pace: Pace) -> AsyncGenerator[Item, None]:
        """Yield alerts, silences and checks, each listed completely, and what reading them costs."""
        while True:
            await pace.turn()
            for item in await self._poll():
                yield item

    async def close(self) -> None:
        """End what is on its way."""
        for link in self._links:
            link.close()

    async def _poll(self) -> list[Item]:
        when = time.time()
        told = await read_all(self._links, Question(self._cluster, self._options, self._is_metrics_turn(when)))
        found = checks(Turn(self._cluster, self._options, when, told), self.memory)
        readings = readings_of(told)
        alerts = merged_alerts([reading.alerts for reading in readings])
        silences = merged_silences([reading.silences for reading in readings])
        loads = tuple(load for reading in readings for load in reading.loads)
        return [
            Batch(SOURCE, self._cluster, "alert", when, alerts, complete=True),
            Batch(SOURCE, self._cluster, "silence", when, silences, complete=True),
            Batch(SOURCE, self._cluster, "check", when, found, complete=True),
            Load(SOURCE, self._cluster, when, loads),
        ]

    def _is_metrics_turn(self, when: float) -> bool:
        is_due = when - self.memory.metrics_at >= METRICS_EVERY_SECONDS
        if is_due:
            self.memory.metrics_at = when
        return is_due
