"""Rates from counters that only grow; one that was set back begins anew."""

from __future__ import annotations

from typing import NamedTuple

NAN = float("nan")


class _Seen(NamedTuple):
    total: float
    at: float


class Counters:
    """The last total of each counter, by (GPU, name)."""

    def __init__(self) -> None:
        self._seen: dict[tuple[int, str], _Seen] = {}

    def rate(self, gpu: int, name: str, total: float, at: float) -> float:
        """Growth a second since the last look at time `at` (monotonic seconds); NaN at the first."""
        before, self._seen[gpu, name] = self._seen.get((gpu, name)), _Seen(total, at)
        if before is None or at <= before.at or total < before.total:
            return NAN
        return (total - before.total) / (at - before.at)

    def forget(self) -> None:
        """The driver was restarted: totals begin anew."""
        self._seen.clear()
