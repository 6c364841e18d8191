"""Reads GPU and host telemetry, pending alerts and failing scrapes from Prometheus, or what speaks its API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .options import Options

if TYPE_CHECKING:
    from crashcart.backends.contract import Context

    from .feed import PrometheusFeed
    from .memory import Memory


class PrometheusBackend:
    """Backend `prometheus`; see the contract."""

    name = "prometheus"
    options = Options

    def __init__(self) -> None:
        self._memories: dict[tuple[str, str, str], Memory] = {}

    def found(self) -> bool:
        """Never by itself: where Prometheus is, only the configuration can say."""
        return False

    def feed(self, context: Context) -> PrometheusFeed:
        """GPUs, failing targets, alerts, checks, and histories of what is looked at."""
        from .feed import PrometheusFeed
        from .memory import Memory

        options: Options = context.options
        slot = (context.cluster, options.base_url, options.selector)
        return PrometheusFeed(context, self._memories.setdefault(slot, Memory()))

    def powers(self, context: Context) -> None:
        """It changes nothing."""


BACKEND = PrometheusBackend()
