"""The past of what somebody looks at, in one range query for each group of metrics and for exactly those machines."""

from __future__ import annotations

import math
import time
from array import array
from collections.abc import Iterable
from typing import Any, TypeAlias

from msgspec.structs import astuple

from crashcart.backends.contract import Interest
from crashcart.backends.model import History
from crashcart.backends.text import NODE_NAME, clean

from .catalogue import Recipe, plain_recipes
from .desk import SOURCE, Desk
from .fleet import NAN, host_of, index_of, same_machine
from .gpu_columns import BLANK, packed
from .gpus import GpuReader
from .host_series import SERIES, host_history, instances_pattern
from .promql import NAME

HOST_SECONDS, HOST_STEP = 3600.0, 60.0
ALERTS_SECONDS, ALERTS_STEP = 86400.0, 1800.0
MOST_HOSTS = 16
_MOST_ALERT_NAMES = 200
_UNAMES_SECONDS = 300.0
_SHARE = 50.0
"""A history that took the server so long is asked for again after that many times as long, at the earliest."""

Series: TypeAlias = "dict[str, array[float]]"


class HistoryReader:
    """Histories of machines and of alerts."""

    def __init__(self, desk: Desk, gpus: GpuReader) -> None:
        self._desk = desk
        self._gpus = gpus
        self._instances: dict[str, set[str]] = {}  # machine -> instances of its node_exporter
        self._instances_asked = float("-inf")
        self._alerts_asked = float("-inf")
        self._began = 0.0  # server time at which the machines came into view

    async def read(self, interest: Interest, *, anew: bool) -> list[History]:
        """What is looked at now; `anew` when it has only just come into view."""
        found: list[History] = []
        names = [name for name in interest.hosts if NODE_NAME.match(name)][:MOST_HOSTS]
        if names:
            self._began = self._desk.clock.now if anew or not self._began else self._began
            found += await self._hosts(names)
        if interest.alerts and (anew or self._is_affordable("alerts (24 h)", self._alerts_asked)):
            self._alerts_asked = time.monotonic()
            found += await self._alerts()
        return found

    def _is_affordable(self, what: str, asked: float) -> bool:
        return time.monotonic() - asked >= _SHARE * self._desk.client.ledger.server_seconds(what)

    async def _hosts(self, names: list[str]) -> list[History]:
        steps = math.floor((self._desk.clock.now - self._began) / HOST_STEP)
        end = self._began + steps * HOST_STEP  # the first reading ends now, later ones have the same steps: no flicker
        start = end - HOST_SECONDS
        series: dict[str, Series] = {name: {} for name in names}
        await self._gpu_series(series, start, end)
        await self._host_series(series, start, end)
        return [self._history(f"host:{name}", start, HOST_STEP, found) for name, found in series.items()]

    async def _gpu_series(self, series: dict[str, Series], start: float, end: float) -> None:
        """One query for each label that names machines here; there is but one where all exporters are of one kind."""
        fleet, desk = self._gpus.fleet, self._desk
        recipes = plain_recipes(self._gpus.recipes)
        wanted: dict[str, dict[str, str]] = {}  # label -> its value -> the name that was asked for
        for name in series:
            host = fleet.find(name)
            if host is not None and host in fleet.raw_hosts:
                label, value = fleet.raw_hosts[host]
                wanted.setdefault(label, {})[value] = name
        order = {name: place for place, name in enumerate(recipes)}
        for label, names in wanted.items() if recipes else ():
            query = desk.promql.gpu_history(recipes, label, names)
            labels = (NAME, *desk.promql.by)
            asked = desk.client.span("GPUs of machines in view", query, labels, start=start, end=end, step=HOST_STEP)
            answer = await desk.attempt("history of GPUs", asked)
            rows = sorted(answer.result, key=lambda row: order[astuple(row.metric)[0]]) if answer else ()
            for row in rows:
                self._put_gpu(series, names, recipes, astuple(row.metric), row.values, start)

    def _put_gpu(
        self,
        series: dict[str, Series],
        names: dict[str, str],
        recipes: dict[str, Recipe],
        labels: tuple[str, ...],
        values: Iterable[tuple[float, float]],
        start: float,
    ) -> None:
        hosts = len(self._desk.promql.hosts)
        recipe = recipes.get(labels[0])
        name = next((names[label] for label in labels[1 : 1 + hosts] if label in names), None)
        index = next((index_of(label) for label in labels[1 + hosts :] if label), None)
        if recipe is not None and name is not None and index is not None:
            points = _points(values, start, HOST_STEP, HOST_SECONDS, recipe.scales[labels[0]])
            series[name][f"{recipe.metric}/{index}"] = points

    async def _host_series(self, series: dict[str, Series], start: float, end: float) -> None:
        desk = self._desk
        await self._learn_instances()
        known = {instance: name for name in series for instance in self._instances_of(name)}
        aliases = {alias: name for name in series for alias in self._aliases_of(name)}
        query = host_history(desk.promql, instances_pattern(aliases, known))
        labels = (SERIES, "instance")
        asked = desk.client.span("machines in view", query, labels, start=start, end=end, step=HOST_STEP)
        answer = await desk.attempt("history of machines", asked)
        for row in answer.result if answer else ():
            metric, instance = astuple(row.metric)
            host = host_of(instance) or ""
            named = known.get(instance) or aliases.get(host)
            name = named or next((one for one in series if same_machine(one, host)), None)
            if name is not None:
                series[name][metric] = _points(row.values, start, HOST_STEP, HOST_SECONDS, 1.0)

    def _instances_of(self, name: str) -> set[str]:
        """Where the machine of this name is scraped, by what node_exporter says it is called."""
        return {one for node, instances in self._instances.items() if same_machine(node, name) for one in instances}

    def _aliases_of(self, name: str) -> set[str]:
        """Names and addresses under which the machine may be scraped."""
        host = self._gpus.fleet.find(name)
        addresses = self._gpus.census.addresses_of(host) if host is not None else set()
        return {name, name.partition(".")[0], *addresses}

    async def _learn_instances(self) -> None:
        """Where node_exporter is scraped by address, only its uname says which machine that is."""
        if time.monotonic() - self._instances_asked < _UNAMES_SECONDS:
            return
        self._instances_asked = time.monotonic()
        labels = ("instance", "nodename")
        query = f"max by (instance, nodename) ({self._desk.promql.series('node_uname_info')})"
        answer = await self._desk.attempt("node names", self._desk.client.vector("node names", query, labels))
        if answer is not None:
            self._instances = {}
            for row in answer.result:
                instance, node = astuple(row.metric)
                self._instances.setdefault(node, set()).add(instance)

    async def _alerts(self) -> list[History]:
        """Each step holds how many fired at most in it, and the last one is the step that runs."""
        desk = self._desk
        end = math.ceil(desk.clock.now / ALERTS_STEP) * ALERTS_STEP
        start = end - ALERTS_SECONDS + ALERTS_STEP
        query = desk.promql.firing(ALERTS_STEP)
        asked = desk.client.span("alerts (24 h)", query, ("alertname",), start=start, end=end, step=ALERTS_STEP)
        answer = await desk.attempt("history of alerts", asked)
        if answer is None:
            return []
        series: Series = {}
        for row in answer.result[:_MOST_ALERT_NAMES]:
            name = clean(astuple(row.metric)[0], limit=200)
            series[name] = _points(row.values, start, ALERTS_STEP, ALERTS_SECONDS - ALERTS_STEP, 1.0)
        return [self._history("alerts", start, ALERTS_STEP, series)]

    def _history(self, subject: str, start: float, step: float, series: Series) -> History:
        values = array("f")
        for name in sorted(series):
            values.extend(series[name])
        clock = self._desk.clock
        names = tuple(sorted(series))
        began = clock.ours(start)
        return History(SOURCE, self._desk.cluster, subject, clock.when, began, step, names, packed(values))


def _points(values: Any, start: float, step: float, seconds: float, scale: float) -> array[float]:
    """A series with one value for each step, missing where there was no sample."""
    points = array("f", [NAN]) * (round(seconds / step) + 1)
    for at, value in values:
        place = round((at - start) / step)
        if 0 <= place < len(points) and -BLANK < value < BLANK:
            points[place] = value * scale
    return points
