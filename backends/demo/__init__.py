"""A simulated GPU cluster with a scripted incident: a living cockpit on any machine, and a test bed for all above."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from .options import Options

if TYPE_CHECKING:
    from crashcart.backends.contract import Context, Feed


class DemoBackend:
    """Feed and powers of the simulation. Never found by itself: somebody has to ask for it."""

    name = "demo"
    options: type[msgspec.Struct] = Options

    def found(self) -> bool:
        return False

    def feed(self, context: Context) -> Feed:
        from .feed import DemoFeed

        return DemoFeed(context)

    def powers(self, context: Context) -> object:
        from .powers import DemoPowers

        return DemoPowers(context)


BACKEND = DemoBackend()

__all__ = ["BACKEND", "DemoBackend", "Options"]
