"""What all readers of one feed share: the client, the queries, the server's clock, and what went wrong this turn."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from crashcart.backends.errors import BackendError, Unreachable

from .client import PrometheusClient
from .options import Options
from .promql import Promql
from .selector import parse_selector
from .server_clock import ServerClock

T = TypeVar("T")

SOURCE = "prometheus"


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

    async def attempt(self, what: str, asking: Awaitable[T]) -> T | None:
        """What the server answers, or None: one part that fails is told as a problem and ends nothing else.

        Raises Unreachable when the server does not answer anything else either: a turn has many parts, and to wait for
        each of them would hide its death for minutes.
        """
        try:
            found = await asking
        except BackendError as error:
            if isinstance(error, Unreachable):
                await self.client.scalar("server time", "time()")
            self.problems[what] = str(error)
            return None
        self.problems.pop(what, None)
        return found
