"""Asks each minute who is scraped, from where and when: labels in use, sample times, the interval of the scrapes."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Iterable
from typing import Any

from msgspec.structs import astuple

from .catalogue import Recipe
from .desk import Desk
from .durations import seconds_of
from .fleet import Fleet, host_of
from .sample_times import SampleTimes

CENSUS_SECONDS = 60.0
_GAPS_SECONDS = 600.0
_LOOK_BACK_SECONDS = 3600.0
_MOST_DATED = 64
"""Machines that vanish at once and are asked about one by one; when more do, it is the server's doing."""

_MOST_DOUBTS = 4
"""Old samples of machines that answer are asked about again at the next scrapes, so often in a row: a server that has
just come back shows what it had before until it has scraped. What goes on being old has times of its own.
"""


class Census:
    """Knows which labels name machines here and which scrape each machine comes from."""

    def __init__(self, desk: Desk, fleet: Fleet, times: SampleTimes) -> None:
        self._desk = desk
        self._fleet = fleet
        self._times = times
        self._taken = float("-inf")
        self._doubts = 0
        self._needed: set[str] = set()
        self.jobs: frozenset[str] = frozenset()  # scrape jobs of GPU exporters
        self.host_of_target: dict[tuple[str, str], str] = {}  # (job, instance) -> machine

    async def note_newest_scrape(self) -> None:
        """When anything was last scraped: ages are not carried on beyond it."""
        query = self._desk.promql.newest_scrape()
        answer = await self._desk.attempt("newest scrape", self._desk.client.vector("newest scrape", query, ()))
        if answer is not None:
            self._times.newest_scrape = answer.result[0].value[1] if answer.result else None

    async def take(self, presence: Recipe) -> None:
        """Ask when it is due. Raises BackendError."""
        is_doubtful = 0 < self._doubts <= _MOST_DOUBTS
        wait = min(CENSUS_SECONDS, self._times.interval_seconds) if is_doubtful else CENSUS_SECONDS
        if time.monotonic() - self._taken < wait:
            return
        labels = tuple(dict.fromkeys((*self._desk.options.host_labels, "instance", "job")))
        query = self._desk.promql.sample_times(presence, labels)
        answer = await self._desk.client.vector("sample times", query, labels)
        found = [(dict(zip(labels, astuple(row.metric), strict=True)), row.value[1]) for row in answer.result]
        self._settle_labels([labels_of for labels_of, _ in found])
        self._note_targets(labels_of for labels_of, _ in found)
        if found and not self._times.is_interval_known:
            await self._desk.attempt("scrape interval", self._measure_interval(presence, found))
        self._times.measured(self._by_host(found), self._desk.clock.now)
        self._doubts = 0 if self._times.are_regular else self._doubts + 1
        self._taken = time.monotonic() if found else float("-inf")

    async def date_the_vanished(self, presence: Recipe, hosts: set[str]) -> None:
        """Find out when machines that answer no more were last sampled."""
        if len(hosts) > _MOST_DATED:
            return
        by_label: dict[str, list[str]] = {}
        for name in hosts:
            if name in self._fleet.raw_hosts:
                label, value = self._fleet.raw_hosts[name]
                by_label.setdefault(label, []).append(value)
        interval = self._times.interval_seconds
        oldest = min((self._times.last[host] for host in hosts if host in self._times.last), default=0.0)
        seconds = min(_LOOK_BACK_SECONDS, self._desk.clock.now - oldest + 2.0 * interval + 1.0)
        for label, values in by_label.items():
            query = self._desk.promql.last_samples(presence, label, values, seconds, max(1.0, interval / 2.0))
            answer = await self._desk.attempt("last samples", self._desk.client.vector("last samples", query, (label,)))
            if answer is not None:
                self._times.corrected(
                    {
                        host: row.value[1]
                        for row in answer.result
                        if (host := host_of(astuple(row.metric)[0])) is not None
                    }
                )

    def _settle_labels(self, found: list[dict[str, str]]) -> None:
        """Keep the labels that some series needs as its machine's name: each more makes every answer larger."""
        candidates = self._desk.options.host_labels
        self._needed |= {next((name for name in candidates if labels[name]), candidates[-1]) for labels in found}
        hosts = tuple(name for name in candidates if name in self._needed) or candidates[:1]
        self._desk.promql.hosts = hosts
        self._fleet.name_rows_by(hosts, self._desk.promql.gpus)

    def _note_targets(self, found: Iterable[dict[str, str]]) -> None:
        targets: dict[tuple[str, str], str] = {}
        for labels in found:
            host = self._named(labels)
            if host is not None:
                targets[(labels["job"], labels["instance"])] = host
        self.host_of_target |= targets
        self.jobs |= {job for job, _ in targets if job}

    def _by_host(self, found: list[tuple[dict[str, str], float]]) -> dict[str, float]:
        times: dict[str, float] = {}
        for labels, at in found:
            host = self._named(labels)
            if host is not None:
                times[host] = max(at, times.get(host, 0.0))
        return times

    def addresses_of(self, host: str) -> set[str]:
        """Where the exporters of a machine are scraped, without ports: node_exporter is scraped there too."""
        found = {host_of(instance) for (_, instance), named in self.host_of_target.items() if named == host}
        return {address for address in found if address is not None}

    def _named(self, labels: dict[str, str]) -> str | None:
        """The machine of a series, by the first label that has a value."""
        value = next((labels[name] for name in self._desk.options.host_labels if labels[name]), "")
        return host_of(value)

    async def _measure_interval(self, presence: Recipe, found: list[tuple[dict[str, str], float]]) -> None:
        """From the times of one machine's samples; of a young server, from its list of targets."""
        labels, _ = max(found, key=lambda row: row[1])
        name = next((name for name in self._desk.options.host_labels if labels[name]), None)
        if name is None:
            return
        query = self._desk.promql.raw(presence, name, labels[name], _GAPS_SECONDS)
        answer = await self._desk.client.matrix("scrape interval", query, ("gpu",))
        times = sorted(at for at, _ in answer.result[0].values) if answer.result else []
        gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
        interval = statistics.median(gaps) if len(gaps) >= 3 else await self._configured_interval(labels)
        if interval is not None:
            self._times.interval_seconds = max(0.1, round(interval, 1))
            self._times.is_interval_known = True

    async def _configured_interval(self, labels: dict[str, str]) -> float | None:
        """What the server's list of targets says; None where it keeps none."""
        targets: dict[str, Any] = await self._desk.client.ordinary(
            "targets", lambda library: library.get_targets(state="active")
        )
        for target in targets.get("activeTargets") or ():
            own = target.get("labels", {})
            if (own.get("job"), own.get("instance")) == (labels["job"], labels["instance"]):
                return seconds_of(str(target.get("scrapeInterval", "")))
        return None
