"""All that a wall asks of the collector: to be told. It says nothing itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from crashcart.ops.store import Store


class Reader(Protocol):
    """Keeps a store up to date."""

    async def run(self, store: Store, on_change: Callable[[frozenset[str]], None]) -> None:
        """Apply what comes until cancelled; tell which kinds changed."""
        ...
