"""How much is written to the terminal, for those who pay for every byte."""

from __future__ import annotations

from collections import deque

WINDOW_SECONDS = 10.0


class Meter:
    """Bytes a second over the last ten; fed with the number of bytes since the start."""

    def __init__(self) -> None:
        self.is_slow_link = False
        self.round_trip: float | None = None  # seconds from a piece written to the terminal's answer
        self._totals: deque[tuple[float, int]] = deque()

    def note(self, now: float, total: int) -> None:
        """As of `now`, in monotonic seconds."""
        self._totals.append((now, total))
        while now - self._totals[0][0] > WINDOW_SECONDS:
            self._totals.popleft()

    @property
    def rate(self) -> float | None:
        """Bytes a second; None until there are two moments to compare."""
        if len(self._totals) < 2:
            return None
        (first, before), (last, after) = self._totals[0], self._totals[-1]
        return (after - before) / (last - first)
