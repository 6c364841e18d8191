"""Reads alerts and silences from one or several Alertmanagers, and makes, extends and ends silences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .options import Options

if TYPE_CHECKING:
    from crashcart.backends.contract import Context

    from .feed import AlertmanagerFeed
    from .memory import Memory
    from .powers import AlertmanagerPowers


class AlertmanagerBackend:
    """Backend `alertmanager`; see the contract."""

    name = "alertmanager"
    options = Options

    def __init__(self) -> None:
        self._memories: dict[tuple[str, tuple[str, ...]], Memory] = {}

    def found(self) -> bool:
        """An Alertmanager is known by its address only."""
        return False

    def feed(self, context: Context) -> AlertmanagerFeed:
        """Alerts, silences, and whether alerts are delivered at all.

        A fresh feed follows a failed one, so since when Prometheus is silent is remembered here and not in the feed.
        """
        from .feed import AlertmanagerFeed
        from .memory import Memory

        memory = self._memories.setdefault((context.cluster, context.options.urls), Memory())
        return AlertmanagerFeed(context, memory)

    def powers(self, context: Context) -> AlertmanagerPowers:
        """Silence, extend, expire."""
        from .powers import AlertmanagerPowers

        return AlertmanagerPowers(context)


BACKEND = AlertmanagerBackend()
