"""Reads the simulated cluster: everything once, then what changed."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import get_args

import msgspec

from crashcart.backends.contract import Context, Pace
from crashcart.backends.model import AnyEntity, Batch, GpuColumn, GpuRows, Item, Kind

from .client import WorldLink
from .entities import SOURCE
from .protocol import News, Poll

KINDS: tuple[Kind, ...] = get_args(Kind)


class DemoFeed:
    """Polls the simulation once a turn."""

    def __init__(self, context: Context) -> None:
        self._cluster = context.cluster
        self._link = WorldLink(context.options)
        self._epoch = 0
        self._revision = 0
        self._generation = 0
        self._columns: dict[str, memoryview] = {}

    async def watch(self, pace: Pace) -> AsyncGenerator[Item, None]:
        """Complete batches of every kind, then batches of changes; all columns at every turn."""
        while True:
            await pace.turn()
            news = await self._link.ask(Poll(self._epoch, self._revision), News)
            for item in self._items(news):
                yield item
            self._epoch, self._revision = news.epoch, news.revision

    async def close(self) -> None:
        """Let go of the simulation; may be called twice."""
        await self._link.close()

    def _items(self, news: News) -> list[Item]:
        items: list[Item] = []
        changed: dict[str, list[AnyEntity]] = {kind: [] for kind in KINDS}
        for entity in news.entities:
            changed[entity.kind].append(msgspec.structs.replace(entity, cluster=self._cluster))
        gone: dict[str, list[str]] = {kind: [] for kind in KINDS}
        for kind, name in news.gone:
            gone[kind].append(f"{self._cluster}/{name}")
        for kind in KINDS:
            upserts, removed = tuple(changed[kind]), tuple(gone[kind])
            items.append(Batch(SOURCE, self._cluster, kind, news.when, upserts, removed, news.whole))
        return [*items, *self._numbers(news)]

    def _numbers(self, news: News) -> list[Item]:
        items: list[Item] = []
        if news.hosts is not None and news.counts is not None:
            self._generation += 1
            items.append(GpuRows(SOURCE, self._cluster, self._generation, news.hosts, news.counts))
        self._columns |= news.columns
        items.extend(
            GpuColumn(SOURCE, self._cluster, self._generation, metric, news.when, values)
            for metric, values in self._columns.items()
        )
        return items
