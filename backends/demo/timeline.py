"""Time of the simulation: events in order, played when somebody looks."""

from __future__ import annotations

import heapq
from collections.abc import Callable


class Timeline:
    """Events that are due at Unix seconds. The picture depends on them alone, not on how often it is looked at."""

    def __init__(self, start: float) -> None:
        self.start = start
        self.now = start
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def at(self, when: float, action: Callable[[], None]) -> None:
        """Do `action` at `when`; of two at the same time, the one planned first comes first."""
        self._count += 1
        heapq.heappush(self._events, (when, self._count, action))

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Do `action` in `seconds`."""
        self.at(self.now + seconds, action)

    def advance(self, to: float) -> None:
        """Play everything that is due until `to`; time never runs backwards."""
        while self._events and self._events[0][0] <= to:
            when, _, action = heapq.heappop(self._events)
            self.now = max(self.now, when)
            action()
        self.now = max(self.now, to)
