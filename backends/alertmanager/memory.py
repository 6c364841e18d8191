"""What must be remembered from turn to turn: a list of alerts alone does not say when it was last true.

When Prometheus dies Alertmanager "resolves" everything some four minutes later. An empty list then looks like a healthy
cluster, unless somebody remembers when anything was refreshed last.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


class Newest:
    """When the newest of some alerts was refreshed, in Unix seconds of our clock."""

    def __init__(self) -> None:
        self._told: dict[str, float] = {}
        self._when: dict[str, float] = {}

    def take(self, name: str, told: float | None, skew: float) -> None:
        """Take in what one Alertmanager lists as the newest, by its clock; None where it lists none."""
        if told is not None and told != self._told.get(name):
            self._told[name] = told
            self._when[name] = max(told + skew, self._when.get(name, 0.0))

    def by(self, name: str) -> float | None:
        """The newest at one Alertmanager."""
        return self._when.get(name)

    @property
    def when(self) -> float | None:
        """The newest at all of them."""
        return max(self._when.values(), default=None)


@dataclass(slots=True)
class Failing:
    """Notifications of one integration that failed: how many in this row, from when to when."""

    count: float
    since: float
    last: float


class Notifications:
    """Counts of failed notifications, and when they last grew; a count that falls was begun anew."""

    def __init__(self) -> None:
        self._totals: dict[tuple[str, str], float] = {}
        self.failing: dict[tuple[str, str], Failing] = {}
        self.is_told = False

    def take(self, name: str, totals: Mapping[str, float], when: float) -> None:
        """Take in the counts of one Alertmanager."""
        self.is_told = True
        for integration, total in totals.items():
            slot = (name, integration)
            grown = total - self._totals.get(slot, total)
            self._totals[slot] = total
            if grown > 0:
                known = self.failing.setdefault(slot, Failing(0.0, when, when))
                known.count, known.last = known.count + grown, when

    def forget(self, before: float) -> None:
        """Forget what has not grown since."""
        self.failing = {slot: known for slot, known in self.failing.items() if known.last >= before}


@dataclass(slots=True)
class Memory:
    """All of it, for one set of Alertmanagers; it outlives the feeds that fail."""

    refreshed: Newest = field(default_factory=Newest)
    deadman_refreshed: Newest = field(default_factory=Newest)
    notifications: Notifications = field(default_factory=Notifications)
    failing_since: dict[str, float] = field(default_factory=dict)
    looked_first: float | None = None
    is_silent: bool = False  # nothing was refreshed for too long, when something was listed last
    metrics_at: float = 0.0
