"""Reads the simulated cluster: everything once, then what changed, and the past of what is looked at."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator
from typing import get_args

import msgspec

from crashcart.backends.contract import Context, Interest, Pace
from crashcart.backends.entity import Kind
from crashcart.backends.model import AnyEntity, Batch, GpuColumn, GpuRows, History, Item, Load, RequestLoad

from .client import WorldLink
from .entities import SOURCE
from .kube_entities import SOURCE as KUBERNETES
from .kube_half import SMALLEST
from .metrics import FAST
from .protocol import AskHistory, News, Poll, Told

KINDS: tuple[Kind, ...] = get_args(Kind)
KUBE_KINDS: tuple[Kind, ...] = ("node", "job", "queue", "pod", "budget", "event")
OTHER_KINDS: tuple[Kind, ...] = ("node", "job", "queue", "alert", "silence", "target", "check")
"""What the others list beside a Kubernetes half."""
EACH_TURN = frozenset((*FAST, "age_seconds"))
REPEAT_SECONDS = 10.0
"""A column that does not change is told again after this time, so that it does not look old."""
STALE_SECONDS = 30.0
"""Two scrapes."""
HISTORY = "history of what is looked at"


class DemoFeed:
    """Polls the simulation once a turn."""

    def __init__(self, context: Context) -> None:
        self._cluster = context.cluster
        self._interval: float = context.options.interval_seconds
        self._link = WorldLink(context.options)
        self._epoch = 0
        self._revision = 0
        self._kube_revision = 0
        self._has_kube = context.options.kubernetes and context.options.nodes >= SMALLEST
        self._generation = 0
        self._columns: dict[str, memoryview] = {}
        self._told: dict[str, float] = {}  # when a column was last told
        self._interest = Interest()
        self._wish = asyncio.Event()
        self._load: dict[str, RequestLoad] = {}

    @property
    def voices(self) -> tuple[str, ...]:
        """Kubernetes speaks through this feed too, where the cluster has such a half."""
        return (KUBERNETES,) if self._has_kube else ()

    def attend(self, interest: Interest) -> None:
        """From now on this is looked at: its past comes at once, and again at each turn."""
        if interest != self._interest:
            self._interest = interest
            self._wish.set()

    async def watch(self, pace: Pace) -> AsyncGenerator[Item, None]:
        """Complete batches of every kind, then batches of changes; what moves at every turn, the rest now and then."""
        while True:
            async with contextlib.aclosing(self._wishes_until(pace)) as wishes:
                async for history in wishes:
                    yield history
            begun = time.monotonic()
            news = await self._link.ask(Poll(self._epoch, self._revision, self._kube_revision), News)
            rows = len(news.entities) + len(news.columns)
            self._measure("poll: what changed", begun, rows, news.seconds)
            for item in self._items(news):
                yield item
            self._epoch, self._revision, self._kube_revision = news.epoch, news.revision, news.kube_revision
            for item in [*await self._histories(), self._cost(news.when)]:
                yield item

    async def close(self) -> None:
        """Let go of the simulation; may be called twice."""
        await self._link.close()

    async def _wishes_until(self, pace: Pace) -> AsyncGenerator[Item, None]:
        """The past of what somebody begins to look at before the next turn."""
        turn = asyncio.ensure_future(pace.turn())
        wish = asyncio.ensure_future(self._wish.wait())
        try:
            while not turn.done():
                await asyncio.wait((turn, wish), return_when=asyncio.FIRST_COMPLETED)
                if wish.done() and not turn.done():
                    for history in await self._histories():
                        yield history
                    wish = asyncio.ensure_future(self._wish.wait())
            turn.result()
        finally:
            for task in (turn, wish):
                task.cancel()
            await asyncio.gather(turn, wish, return_exceptions=True)

    async def _histories(self) -> list[Item]:
        self._wish.clear()
        interest = self._interest
        if not interest.hosts and not interest.alerts:
            self._load.pop(HISTORY, None)
            return []
        begun = time.monotonic()
        told = await self._link.ask(AskHistory(interest.hosts, interest.alerts), Told)
        self._measure(HISTORY, begun, sum(len(past.names) for past in told.pasts), told.seconds)
        return [
            History(
                SOURCE,
                self._cluster,
                past.subject,
                told.when,
                past.start,
                past.step_seconds,
                past.names,
                past.values,
            )
            for past in told.pasts
        ]

    def _measure(self, what: str, begun: float, rows: int, server_seconds: float) -> None:
        taken = time.monotonic() - begun
        self._load[what] = RequestLoad(what, self._interval, taken, self._link.answer_bytes, rows, server_seconds)

    def _cost(self, when: float) -> Load:
        return Load(SOURCE, self._cluster, when, tuple(self._load.values()))

    def _items(self, news: News) -> list[Item]:
        if not self._has_kube:
            return [*self._batches(news, SOURCE, KINDS, news.entities, news.gone), *self._numbers(news)]
        items = self._batches(news, SOURCE, OTHER_KINDS, news.entities, news.gone)
        items += self._batches(news, KUBERNETES, KUBE_KINDS, news.kube, news.kube_gone)
        return [*items, *self._numbers(news)]

    def _batches(
        self,
        news: News,
        source: str,
        kinds: tuple[Kind, ...],
        entities: tuple[AnyEntity, ...],
        names: tuple[tuple[str, str], ...],
    ) -> list[Item]:
        """What one source lists, a batch for each kind."""
        changed: dict[str, list[AnyEntity]] = {kind: [] for kind in kinds}
        for entity in entities:
            changed[entity.kind].append(msgspec.structs.replace(entity, cluster=self._cluster))
        gone: dict[str, list[str]] = {kind: [] for kind in kinds}
        for kind, name in names:
            gone[kind].append(f"{self._cluster}/{name}")
        return [
            Batch(source, self._cluster, kind, news.when, tuple(changed[kind]), tuple(gone[kind]), news.whole)
            for kind in kinds
        ]

    def _numbers(self, news: News) -> list[Item]:
        items: list[Item] = []
        if news.hosts is not None and news.counts is not None:
            self._generation += 1
            self._told.clear()
            stale = STALE_SECONDS + 2.0 * self._interval
            items.append(GpuRows(SOURCE, self._cluster, self._generation, news.hosts, news.counts, stale))
        self._columns |= news.columns
        for metric, values in self._columns.items():
            if metric in news.columns or metric in EACH_TURN or self._is_due(metric, news.when):
                self._told[metric] = news.when
                items.append(GpuColumn(SOURCE, self._cluster, self._generation, metric, news.when, values))
        return items

    def _is_due(self, metric: str, when: float) -> bool:
        return when - self._told.get(metric, 0.0) >= REPEAT_SECONDS
