"""Reads every Alertmanager at each turn and yields one picture of them, with what is wrong with alerting itself."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Mapping

from crashcart.backends.contract import Context, Pace
from crashcart.backends.errors import BackendError
from crashcart.backends.model import Batch, Item, Load, RequestLoad

from .checks import Turn, checks
from .link import AlertmanagerLink
from .memory import Memory
from .merge import merged_alerts, merged_silences
from .options import Options
from .parse import SOURCE
from .reading import METRICS_EVERY_SECONDS, Question, Reading, read_all, readings_of


class AlertmanagerFeed:
    """The reading half of the backend."""

    def __init__(self, context: Context, memory: Memory) -> None:
        self._cluster = context.cluster
        self._options: Options = context.options
        self.memory = memory
        self._metrics_loads: dict[str, RequestLoad] = {}
        self._links = [AlertmanagerLink(url, self._options) for url in self._options.urls]

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
        return [
            Batch(SOURCE, self._cluster, "alert", when, alerts, complete=True),
            Batch(SOURCE, self._cluster, "silence", when, silences, complete=True),
            Batch(SOURCE, self._cluster, "check", when, found, complete=True),
            Load(SOURCE, self._cluster, when, self._loads_of(told)),
        ]

    def _loads_of(self, told: Mapping[str, Reading | BackendError]) -> tuple[RequestLoad, ...]:
        """Of each that answers; metrics are not asked at every turn, so what they cost is kept."""
        for name, one in told.items():
            if isinstance(one, BackendError):
                self._metrics_loads.pop(name, None)
            elif one.metrics is not None:
                self._metrics_loads[name] = one.metrics.load
        loads = [load for one in told.values() if isinstance(one, Reading) for load in one.loads]
        return (*loads, *self._metrics_loads.values())

    def _is_metrics_turn(self, when: float) -> bool:
        is_due = when - self.memory.metrics_at >= METRICS_EVERY_SECONDS
        if is_due:
            self.memory.metrics_at = when
        return is_due
