"""Scrape targets that fail, with the scrape's own error and when they last answered."""

from __future__ import annotations

import time
from collections.abc import Set
from typing import Any

from msgspec.structs import astuple

from crashcart.backends.model import Batch, Target
from crashcart.backends.text import clean

from .census import Census
from .desk import SOURCE, Desk
from .durations import seconds_of
from .fleet import host_of

Slot = tuple[str, str]  # job, instance

_LOOK_BACK_SECONDS = 3600.0
_MOST_LOOKED_UP = 32
_MOST_LISTED = 5000
_LISTED_SECONDS = 60.0


class TargetReader:
    """`up == 0` at each turn; the list of targets only when something is down. `since` outlives a feed."""

    def __init__(self, desk: Desk, census: Census, since: dict[Slot, float]) -> None:
        self._desk = desk
        self._census = census
        self._since = since  # server time of the last good scrape
        self._listed: dict[Slot, dict[str, Any]] = {}
        self._listed_at = float("-inf")

    async def read(self) -> Batch | None:
        """All failing targets; None when the server did not tell."""
        desk = self._desk
        hosts = tuple(name for name in desk.options.host_labels if name not in ("job", "instance"))
        labels = ("job", "instance", *hosts)
        asked = desk.client.vector("failing targets", desk.promql.failing(labels), labels)
        answer = await desk.attempt("failing targets", asked)
        if answer is None:
            return None
        failing: dict[Slot, tuple[str, ...]] = {}
        for row in answer.result[:_MOST_LISTED]:
            job, instance, *named = astuple(row.metric)
            failing[(job, instance)] = tuple(named)
        for slot in self._since.keys() - failing.keys():
            del self._since[slot]
        await self._look_up(failing.keys() - self._since.keys())
        await self._list(failing.keys())
        targets = tuple(self._target(slot, named) for slot, named in failing.items())
        unique = {target.key: target for target in targets}
        return Batch(SOURCE, desk.cluster, "target", desk.clock.when, tuple(unique.values()), complete=True)

    async def _look_up(self, slots: set[Slot]) -> None:
        """When each of these last answered; the hour before is all that is looked at."""
        now = self._desk.clock.now
        by_job: dict[str, list[str]] = {}
        for job, instance in sorted(slots)[:_MOST_LOOKED_UP]:
            by_job.setdefault(job, []).append(instance)
        for job, instances in by_job.items():
            query = self._desk.promql.last_good(job, instances, _LOOK_BACK_SECONDS)
            asked = self._desk.client.matrix("last good scrapes", query, ("instance",))
            answer = await self._desk.attempt("last good scrapes", asked)
            for row in answer.result if answer else ():
                good = [at for at, value in row.values if value]
                oldest = row.values[0][0] if row.values else now
                self._since[(job, astuple(row.metric)[0])] = good[-1] if good else oldest
        for slot in slots - self._since.keys():
            self._since[slot] = now

    async def _list(self, failing: Set[Slot]) -> None:
        """Take the errors from the server's own list, where it keeps one; it is long: only for news or each minute."""
        if not failing or (failing <= self._listed.keys() and time.monotonic() - self._listed_at < _LISTED_SECONDS):
            return
        asked = self._desk.client.ordinary("targets", lambda library: library.get_targets(state="active"))
        told = await self._desk.attempt("targets", asked)
        self._listed = {slot: {} for slot in failing}
        self._listed_at = time.monotonic()
        for target in (told or {}).get("activeTargets") or ():
            labels = target.get("labels") or {}
            slot = (str(labels.get("job", "")), str(labels.get("instance", "")))
            if slot in failing and target.get("health") != "up":
                self._listed[slot] = target

    def _target(self, slot: Slot, named: tuple[str, ...]) -> Target:
        listed = self._listed[slot]
        job, instance = slot
        host = self._census.host_of_target.get(slot)
        label = next((label for label in (*named, instance) if label), "")
        return Target(
            cluster=self._desk.cluster,
            source=SOURCE,
            when=self._desk.clock.when,
            job=clean(job, limit=200),
            instance=clean(instance, limit=200),
            host=host or host_of(label),
            error=clean(str(listed.get("lastError") or ""), limit=500),
            since=self._desk.clock.ours(self._since[slot]),
            interval_seconds=seconds_of(str(listed.get("scrapeInterval") or "")),
        )
