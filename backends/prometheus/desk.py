"""What all readers of one feed share: the client, the queries, the server's clock, and what went wrong this turn."""

from __future__ import annotations

import time
from collections.abc import Coroutine
from typing import Any, TypeVar

from crashcart.backends.errors import BackendError, Unreachable
from crashcart.backends.http.server_clock import ServerClock

from .client import PrometheusClient
from .options import Options
from .promql import Promql
from .selector import parse_selector

T = TypeVar("T")

SOURCE = "prometheus"
REST_SECONDS = 30.0


class Desk:
    """One server, one cluster, one feed."""

    def __init__(self, cluster: str, options: Options) -> None:
        self.cluster = cluster
        self.options = options
        self.client = PrometheusClient(options)
        self.selector = parse_selector(options.selector)
        self.promql = Promql(self.selector, options.host_labels, options.gpu_labels)
        self.clock = ServerClock()
        self.problems: dict[str, str] = {}
        self._resting: dict[str, float] = {}

    async def attempt(self, what: str, asking: Coroutine[Any, Any, T]) -> T | None:
        """What the server answers, or None: one part that fails is told as a problem and ends nothing else.

        A part that does not answer in time is left alone for a while, so that it does not stretch every turn. Then the
        cheapest question tells whether the server is there at all; when it is not, that is raised.
        """
        if time.monotonic() < self._resting.get(what, 0.0):
            asking.close()
            return None
        try:
            found = await asking
        except BackendError as error:
            self.problems[what] = str(error)
            if isinstance(error, Unreachable):
                self._resting[what] = time.monotonic() + REST_SECONDS
                await self.client.scalar("server time", "time()")
            return None
        self.problems.pop(what, None)
        return found
