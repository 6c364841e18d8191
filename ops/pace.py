"""When a poller may poll, and how long to wait after a failure."""

from __future__ import annotations

import random

from .clock import Clock

FIRST_BACKOFF_SECONDS = 1.0
LONGEST_BACKOFF_SECONDS = 30.0
JITTER = 0.2
"""Share by which a wait varies, so that many cockpits do not poll a controller in step."""


class IntervalPace:
    """Turns that come once an interval, the first at once; a late turn is not made up for."""

    def __init__(self, interval_seconds: float, clock: Clock) -> None:
        self.interval_seconds = interval_seconds
        self._clock = clock
        self._due = clock.monotonic()

    async def turn(self) -> None:
        """Return when the next poll is due."""
        wait = self._due - self._clock.monotonic()
        if wait > 0:
            await self._clock.sleep(wait)
        self._due = self._clock.monotonic() + self.interval_seconds


def backoff_seconds(failures: int, chance: random.Random) -> float:
    """Seconds to wait after `failures` failures in a row (1 or more): doubled each time, jittered, bounded."""
    base = min(LONGEST_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2.0 ** (min(failures, 10) - 1))
    return base * chance.uniform(1 - JITTER, 1 + JITTER)
