"""When each machine was last sampled, by the server's clock.

An instant query tells the time it was evaluated at, not when its values were scraped. So sample times are asked for
once a minute and carried on between: Prometheus scrapes a target every interval at the same phase. They are never
carried beyond the newest scrape of all, so that a server that scrapes no more shows growing ages.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping

from .fleet import NAN, Fleet

DEFAULT_INTERVAL = 30.0
SLACK_SECONDS = 2.0


class SampleTimes:
    """Last sample of each machine (server time), and the interval of their scrapes. It outlives a feed too."""

    def __init__(self) -> None:
        self.interval_seconds = DEFAULT_INTERVAL
        self.is_interval_known = False
        self.newest_scrape: float | None = None  # of any target; None where the server does not tell
        self.last: dict[str, float] = {}
        self.alive: set[str] = set()
        self._is_regular: dict[str, bool] = {}

    @property
    def stale_after_seconds(self) -> float:
        """A healthy sample is up to one interval old when it is read; one that was missed makes it two."""
        return 2.0 * self.interval_seconds + SLACK_SECONDS

    @property
    def are_regular(self) -> bool:
        """Whether every machine was sampled within its interval when the server last told."""
        return all(self._is_regular.values())

    def measured(self, times: Mapping[str, float], now: float) -> None:
        """The server told when these machines were last sampled; `now` is its time."""
        self._is_regular.clear()
        for host, at in times.items():
            self.last[host] = at
            self._is_regular[host] = now - at <= self.interval_seconds + SLACK_SECONDS

    def seen(self, hosts: set[str], now: float) -> set[str]:
        """These machines answer at `now`; return those that did before and do no more."""
        vanished = self.alive - hosts
        for host in hosts:
            self.last.setdefault(host, now)
            self._carry_on(host, now)
        self.alive = set(hosts)
        return vanished

    def corrected(self, times: Mapping[str, float]) -> None:
        """The server told when machines that answer no more were last sampled."""
        self.last.update(times)

    def ages(self, fleet: Fleet, now: float) -> array[float]:
        """Seconds by row; missing where a GPU is not reported while its machine answers."""
        column = fleet.blank()
        for host, start, end in fleet.spans():
            if host in self.last:
                column[start:end] = array("f", [max(0.0, now - self.last[host])]) * (end - start)
        for row in fleet.unreported():
            column[row] = NAN
        return column

    def _carry_on(self, host: str, now: float) -> None:
        if self._is_regular.get(host, True):
            latest = now if self.newest_scrape is None else min(now, self.newest_scrape)
            scrapes = int((latest - self.last[host]) / self.interval_seconds)
            self.last[host] += max(0, scrapes) * self.interval_seconds
