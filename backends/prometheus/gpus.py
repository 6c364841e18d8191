"""Reads the GPUs of a cluster: who is there, how old it is, and each metric as often as it matters and we may ask."""

from __future__ import annotations

import time
from array import array
from collections.abc import AsyncGenerator, Set
from math import isnan

from msgspec.structs import astuple

from crashcart.backends.metrics import Metric
from crashcart.backends.model import GpuColumn, GpuRows, Item

from .catalogue import FLOORS, PACES, Recipe, choose, known_names
from .census import Census
from .client import Answer
from .desk import SOURCE, Desk
from .failures import QueryRefused
from .fleet import NAN, Fleet
from .gpu_columns import filled, packed, placed, quieted, restored
from .look_back import find_the_departed, recall
from .promql import NAME
from .sample_times import SampleTimes

PROBE_SECONDS = 300.0
_PROBE_SHARE = 1000.0
"""A large server counts its names for seconds: it is asked again after so many times as long, at the earliest."""

SELDOM_SECONDS = 60.0
SMALL_FLEET = 2000
"""Rows up to which all of a watched metric is read at every turn: exact, and as cheap as its rare values."""

_PRESENCE: tuple[Metric, ...] = ("util_percent", "temperature_celsius", "memory_used_bytes", "power_watts", "xid")
_FOREVER_AGO = float("-inf")


class GpuReader:
    """GPU rows and columns. `fleet` and `times` outlive it."""

    def __init__(self, desk: Desk, fleet: Fleet, times: SampleTimes) -> None:
        self._desk = desk
        self.fleet = fleet
        self.times = times
        self.census = Census(desk, fleet, times)
        self.recipes: dict[Metric, Recipe] = {}
        self._exported: frozenset[str] = frozenset()
        self._probed = _FOREVER_AGO
        self._asked: dict[Metric, float] = {}
        self._asked_whole: dict[Metric, float] = {}
        self._when: dict[Metric, float] = {}
        self._before: dict[Metric, tuple[int, array[float]]] = {}
        self._has_told_rows = False

    @property
    def presence(self) -> Recipe | None:
        """The metric by which a GPU counts as there; None where nothing exports any."""
        return next((self.recipes[metric] for metric in _PRESENCE if metric in self.recipes), None)

    @property
    def exported(self) -> frozenset[str]:
        """Names of ours that the server has."""
        return self._exported

    @property
    def _silent(self) -> Set[str]:
        """Machines with rows that answered once and do no more."""
        return self.fleet.counts.keys() & (self.times.last.keys() - self.times.alive)

    async def read(self) -> AsyncGenerator[Item, None]:
        """One turn. Raises BackendError when the server does not answer for what everything else rests on."""
        await self._probe()
        await self.census.note_newest_scrape()
        presence = self.presence
        if presence is None:
            return
        await self.census.take(presence)
        if not self.fleet.hosts:
            await find_the_departed(self._desk, self.fleet, self.times, presence)
        async for item in self._present(presence):
            yield item
        for metric in self._due(presence.metric):
            answered = await self._desk.attempt(metric, self._column(metric))
            for item in self._items([metric] if answered else []):
                yield item
        self.fleet.columns["age_seconds"] = self.times.ages(self.fleet, self._desk.clock.now)
        self._when["age_seconds"] = self._desk.clock.when
        for item in self._items(["age_seconds"]):
            yield item

    async def _probe(self) -> None:
        """Learn what is exported: what is not there is not asked for."""
        now = time.monotonic()
        pause = max(PROBE_SECONDS, _PROBE_SHARE * self._desk.client.ledger.server_seconds("metric names"))
        if now - self._probed < pause and self.recipes:
            return
        overrides = self._desk.options.metrics
        query = self._desk.promql.exported(known_names(overrides))
        rows = await self._desk.client.ordinary("metric names", lambda library: library.custom_query(query))
        self._exported = frozenset(str(row["metric"].get(NAME, "")) for row in rows)
        self._probed = now
        self.recipes = choose(self._exported, overrides)
        for metric in PACES.keys() - self.recipes.keys():
            self._desk.problems.pop(metric, None)
        for metric, recipe in self.recipes.items():
            if recipe.fallback is not None and not await self._needs(recipe, recipe.fallback[0]):
                self.recipes[metric] = recipe._replace(fallback=None)

    async def _needs(self, recipe: Recipe, fallback: str) -> bool:
        """Whether some GPU has only the fallback; asking for it costs as much as another metric."""
        query = self._desk.promql.needs_fallback(recipe, fallback)
        answer = await self._desk.attempt("fallbacks", self._desk.client.vector("fallbacks", query, ()))
        return bool(answer and answer.result)

    async def _present(self, presence: Recipe) -> AsyncGenerator[Item, None]:
        """Read the metric by which GPUs count as there, and see who went."""
        metric = presence.metric
        try:
            answer = await self._ask(metric)
        except QueryRefused as error:
            self._desk.problems[metric] = str(error)
            return
        self._desk.problems.pop(metric, None)
        rows = self._placed_rows(answer)
        self.fleet.stray_rows = rows.count(-1)
        alive = self._take_roll(rows)
        vanished = self.times.seen(alive, self._desk.clock.now)
        self._fill(metric, answer, rows, presence.scale)
        changed = [metric]
        if vanished:
            self._restore(vanished)
            await self.census.date_the_vanished(presence, vanished)
            if not self._has_told_rows:
                await recall(self._desk, self.fleet, self.recipes, vanished)
        if self._blank_the_missing() or vanished:  # all else first: who sees this one may look at any
            changed = [*(other for other in self.fleet.columns if other != metric), metric]
        for item in self._items(changed):
            yield item

    def _due(self, presence: Metric) -> list[Metric]:
        """What to ask for now: what was never asked first, then what matters at once, then in turn while we may."""
        now = time.monotonic()
        waiting = sorted((m for m in self.recipes if m != presence), key=lambda m: self._asked.get(m, _FOREVER_AGO))
        at_once = [m for m in waiting if m not in self._asked or PACES.get(m) in ("turn", "watch")]
        in_turn = [m for m in waiting if m not in at_once and self._is_due(m, now)]
        return [*at_once, *in_turn[:1], *(in_turn[1:] if self._desk.client.ledger.affords_more() else [])]

    def _is_due(self, metric: Metric, now: float) -> bool:
        """Asked more often than it is scraped, a metric tells nothing new."""
        often = self.times.interval_seconds if self.times.is_interval_known else 0.0
        return now - self._asked[metric] >= (SELDOM_SECONDS if PACES.get(metric) == "seldom" else often)

    async def _column(self, metric: Metric) -> bool:
        """Read one metric. Raises BackendError."""
        recipe = self.recipes[metric]
        if PACES.get(metric) == "watch" and not self._is_whole_due(metric):
            floor = FLOORS.get(metric, 1.0)
            query = self._desk.promql.at_least(recipe, floor)
            answer = await self._desk.client.vector(f"{metric} (where not quiet)", query, self._desk.promql.by)
            rows = self._placed_rows(answer)
            old = self.fleet.column(metric)
            column = quieted(self.fleet, old, self._silent, keeps_small_bits=metric in FLOORS)
            placed(column, rows, answer.result, recipe.scale)
            self._keep(metric, column)
        else:
            answer = await self._ask(metric)
            self._asked_whole[metric] = time.monotonic()
            self._fill(metric, answer, self._placed_rows(answer), recipe.scale)
        self._asked[metric] = time.monotonic()
        return True

    def _is_whole_due(self, metric: Metric) -> bool:
        asked = self._asked_whole.get(metric, _FOREVER_AGO)
        return self.fleet.size <= SMALL_FLEET or time.monotonic() - asked >= SELDOM_SECONDS

    async def _ask(self, metric: Metric) -> Answer:
        promql = self._desk.promql
        return await self._desk.client.vector(f"{metric} (slim)", promql.slim(self.recipes[metric]), promql.by)

    def _placed_rows(self, answer: Answer) -> list[int]:
        return self.fleet.place([astuple(sample.metric) for sample in answer.result])[0]

    def _take_roll(self, rows: list[int]) -> set[str]:
        """Note which GPUs were named; return the machines that named any."""
        named = bytearray(self.fleet.size)
        for row in rows:
            if row >= 0:
                named[row] = 1
        alive: set[str] = set()
        for host, start, end in self.fleet.spans():
            if any(named[start:end]):
                alive.add(host)
                self.fleet.reported[start:end] = named[start:end]
        return alive

    def _fill(self, metric: Metric, answer: Answer, rows: list[int], scale: float) -> None:
        old = self.fleet.column(metric)
        self._before[metric] = (self.fleet.generation, old)
        self._keep(metric, filled(self.fleet, old, self._silent, rows, answer.result, scale))

    def _keep(self, metric: Metric, column: array[float]) -> None:
        for row in self.fleet.unreported():
            column[row] = NAN
        self.fleet.columns[metric] = column
        self._when[metric] = self._desk.clock.when

    def _restore(self, hosts: set[str]) -> None:
        for metric, (generation, before) in self._before.items():
            if generation == self.fleet.generation:
                restored(self.fleet, self.fleet.columns[metric], before, hosts)

    def _blank_the_missing(self) -> bool:
        """A GPU that its machine no longer names has no value in any column; return whether one had."""
        changed = False
        for row in self.fleet.unreported():
            for column in self.fleet.columns.values():
                if not isnan(column[row]):
                    column[row] = NAN
                    changed = True
        return changed

    def _items(self, metrics: list[Metric]) -> list[Item]:
        """Columns of these metrics; after rows or their bounds have moved, the rows and every column that was read."""
        items: list[Item] = []
        fleet, bounds = self.fleet, self.times.stale_after_seconds
        if not self._has_told_rows or fleet.told != (fleet.generation, bounds):
            if fleet.told != (fleet.generation, bounds) and fleet.told[0] == fleet.generation:
                fleet.generation += 1  # a reader drops its columns with the rows it had
            items.append(self._rows())
            fleet.told = (fleet.generation, bounds)
            self._has_told_rows = True
            metrics = [*(metric for metric in fleet.columns if metric not in metrics), *metrics]
        items.extend(self._item(metric) for metric in metrics if metric in self._when)
        return items

    def _rows(self) -> GpuRows:
        fleet = self.fleet
        counts = tuple(fleet.counts[host] for host in fleet.hosts)
        stale = self.times.stale_after_seconds
        return GpuRows(SOURCE, self._desk.cluster, fleet.generation, fleet.hosts, counts, stale)

    def _item(self, metric: Metric) -> GpuColumn:
        when = self._when[metric]
        column = packed(self.fleet.columns[metric])
        return GpuColumn(SOURCE, self._desk.cluster, self.fleet.generation, metric, when, column)
