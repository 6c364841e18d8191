"""What every feed promises: complete listings first, honest times, clean text, and nothing left behind."""
# ruff: noqa: S101 - a test suite that is shipped

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import aclosing
from typing import Any, get_args

import msgspec
import pytest

from crashcart.backends.contract import Feed
from crashcart.backends.errors import BackendError
from crashcart.backends.metrics import Metric
from crashcart.backends.model import AnyEntity, Batch, GpuColumn, GpuRows, Item, Job, Node
from crashcart.backends.text import clean, job_id, node_name, user_name, workload_id

from .case import BackendCase, Turns

CLOCK_SKEW_SECONDS = 2.0


def feed_of(case: BackendCase) -> Feed:
    """A fresh feed; skips where the backend has none."""
    feed = case.backend.feed(case.context)
    if feed is None:
        pytest.skip("this backend has no feed")
    return feed


async def first_items(case: BackendCase) -> list[Item]:
    """Everything up to the first complete listing of all kinds and, where there are numbers, a column."""
    feed = feed_of(case)
    items: list[Item] = []
    missing: set[str] = set(case.kinds) | ({"column"} if case.has_numbers else set())
    try:
        async with asyncio.timeout(case.seconds), aclosing(feed.watch(Turns())) as watch:
            while missing:
                item = await anext(watch)
                items.append(item)
                missing.discard("column" if isinstance(item, GpuColumn) else getattr(item, "kind", ""))
    finally:
        await feed.close()
    return items


def entities_of(items: list[Item]) -> list[AnyEntity]:
    """All entities in these items."""
    return [entity for item in items if isinstance(item, Batch) for entity in item.upserts]


def texts(value: Any) -> Iterator[str]:
    """Every string inside a value made of builtins."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from texts(list(value.items()))
    elif isinstance(value, list | tuple):
        for part in value:
            yield from texts(part)


class FeedCompliance:
    """The reading half."""

    async def test_first_batch_of_each_kind_is_complete(self, backend_case: BackendCase) -> None:
        items = await first_items(backend_case)
        first: dict[str, Batch] = {}
        for item in items:
            if isinstance(item, Batch):
                first.setdefault(item.kind, item)
        assert set(backend_case.kinds) <= first.keys()
        assert all(batch.complete for batch in first.values())

    async def test_known_node_and_job_are_listed(self, backend_case: BackendCase) -> None:
        entities = entities_of(await first_items(backend_case))
        if backend_case.node is not None and "node" in backend_case.kinds:
            assert backend_case.node in {entity.name for entity in entities if isinstance(entity, Node)}
        if backend_case.job is not None and "job" in backend_case.kinds:
            assert backend_case.job in {entity.id for entity in entities if isinstance(entity, Job)}

    async def test_entities_say_where_they_come_from_and_when_they_were_true(self, backend_case: BackendCase) -> None:
        items = await first_items(backend_case)
        latest = time.time() + CLOCK_SKEW_SECONDS
        for item in items:
            assert item.cluster == backend_case.context.cluster
            assert item.source
        for entity in entities_of(items):
            assert entity.cluster == backend_case.context.cluster
            assert entity.source
            assert 0 < entity.when <= latest, entity.key

    async def test_keys_are_unique_within_a_listing(self, backend_case: BackendCase) -> None:
        for item in await first_items(backend_case):
            if isinstance(item, Batch):
                keys = [entity.key for entity in item.upserts]
                assert len(keys) == len(set(keys))
                assert {entity.kind for entity in item.upserts} <= {item.kind}

    async def test_no_text_holds_what_a_terminal_would_obey(self, backend_case: BackendCase) -> None:
        for entity in entities_of(await first_items(backend_case)):
            for text in texts(msgspec.to_builtins(entity)):
                assert clean(text) == text, entity.key

    async def test_identifiers_can_be_used_in_commands(self, backend_case: BackendCase) -> None:
        for entity in entities_of(await first_items(backend_case)):
            if isinstance(entity, Node):
                node_name(entity.name)
            elif isinstance(entity, Job):
                (job_id if entity.workload is None else workload_id)(entity.id)
                user_name(entity.user)

    async def test_columns_fit_their_rows(self, backend_case: BackendCase) -> None:
        items = await first_items(backend_case)
        if not backend_case.has_numbers:
            assert not [item for item in items if isinstance(item, GpuColumn)]
            return
        rows = next(item for item in items if isinstance(item, GpuRows))
        assert len(rows.hosts) == len(rows.counts) == len(set(rows.hosts))
        for column in (item for item in items if isinstance(item, GpuColumn)):
            assert column.generation == rows.generation
            assert column.metric in get_args(Metric)
            assert len(column.values) == sum(rows.counts) * 4

    async def test_a_later_turn_confirms_the_picture(self, backend_case: BackendCase) -> None:
        feed = feed_of(backend_case)
        try:
            async with asyncio.timeout(backend_case.seconds), aclosing(feed.watch(Turns(1_000))) as watch:
                seen: dict[str, list[float]] = {}
                while not backend_case.kinds or len(seen.get(backend_case.kinds[0], [])) < 2:
                    item = await anext(watch)
                    if isinstance(item, Batch):
                        seen.setdefault(item.kind, []).append(item.when)
                    elif not backend_case.kinds:
                        break
        finally:
            await feed.close()
        assert all(times == sorted(times) for times in seen.values())

    async def test_a_cancelled_watch_leaves_no_task(self, backend_case: BackendCase) -> None:
        before = asyncio.all_tasks()
        feed = feed_of(backend_case)
        watch = feed.watch(Turns())

        async def read() -> None:
            async for _ in watch:
                got_one.set()

        got_one = asyncio.Event()
        reader = asyncio.create_task(read())
        async with asyncio.timeout(backend_case.seconds):
            await got_one.wait()
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader
        await watch.aclose()
        await feed.close()
        assert asyncio.all_tasks() <= before

    async def test_close_may_come_twice_and_before_anything_was_read(self, backend_case: BackendCase) -> None:
        feed = feed_of(backend_case)
        await feed.close()
        await feed.close()

    async def test_only_backend_errors_leave_a_feed(self, backend_case: BackendCase) -> None:
        if backend_case.broken is None:
            pytest.skip("no broken context is given")
        feed = backend_case.backend.feed(backend_case.broken)
        assert feed is not None
        try:
            with pytest.raises(BackendError) as caught:
                async with asyncio.timeout(backend_case.seconds), aclosing(feed.watch(Turns())) as watch:
                    await anext(watch)
        finally:
            await feed.close()
        assert str(caught.value)
