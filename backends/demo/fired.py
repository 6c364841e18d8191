"""Which alerts fired when during the last day, for the strip over it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from .conditions import Condition

DAY = 86_400.0
HOUR = 3600.0
Identity = tuple[str, tuple[tuple[str, str], ...]]


class Firing(msgspec.Struct, frozen=True):
    """`count` alerts of one name that fired from `since` until `until`."""

    name: str
    since: float
    until: float
    count: int = 1


BEFORE: tuple[tuple[str, float, float, int], ...] = (
    ("GpuThermalSlowdown", 17.5, 1.6, 6),
    ("GpuThermalSlowdown", 6.2, 0.9, 4),
    ("NcclHangSuspected", 9.6, 0.7, 1),
    ("GpuXidCritical", 13.4, 1.2, 1),
    ("DcgmExporterDown", 20.3, 0.6, 3),
    ("GpuStraggler", 22.0, 2.5, 1),
)
"""Name, hours before the incident began, for how many hours, how many."""


class FiringRecord:
    """What fires, and what has fired and stopped. `incident` is when the incident began, if there is one."""

    def __init__(self, incident: float | None) -> None:
        self._now: dict[Identity, float] = {}
        self._over: list[Firing] = []
        if incident is not None:
            for name, ago, hours, count in BEFORE:
                begun = incident - ago * HOUR
                self._over.append(Firing(name, begun, begun + hours * HOUR, count))

    def note(self, found: Sequence[Condition], now: float) -> None:
        """These are all conditions at `now`; those that were and are no more have stopped."""
        fires = {
            (condition.name, tuple(sorted(condition.labels.items()))): condition.fired_at
            for condition in found
            if condition.fired_at <= now
        }
        stopped = self._now.keys() - fires.keys()
        if stopped:
            self._over = [firing for firing in self._over if firing.until >= now - DAY]
            self._over += [Firing(identity[0], self._now[identity], now) for identity in sorted(stopped)]
        self._now = fires

    def counts(self, times: Sequence[float], step: float) -> dict[str, list[float]]:
        """Name to how many fired in the `step` seconds before each time."""
        firings = self._over + [Firing(name, since, float("inf")) for (name, _), since in self._now.items()]
        series: dict[str, list[float]] = {}
        for firing in firings:
            counts = series.setdefault(firing.name, [0.0] * len(times))
            for index, moment in enumerate(times):
                if firing.since <= moment and firing.until > moment - step:
                    counts[index] += firing.count
        return dict(sorted(series.items()))
