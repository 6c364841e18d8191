"""Hub and store together: what one publishes, the other shows."""

from __future__ import annotations

import math
import socket
from asyncio import StreamReader, create_task, open_unix_connection, timeout
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from crashcart.backends import wire
from crashcart.backends.errors import Malformed
from crashcart.backends.model import Batch, GpuColumn, GpuRows
from crashcart.ops.hub import Hub
from crashcart.ops.store import Store
from tests.entities import float_column, job, listing, node


def apply(store: Store, batch: Batch, version: int = 1) -> frozenset[str]:
    changed: frozenset[str] = frozenset()
    for part in wire.slices(batch, version):
        changed |= store.apply(part)
    return changed


def test_a_complete_listing_removes_what_it_does_not_name() -> None:
    store = Store()
    apply(store, listing("node", node("gpu001"), node("gpu002")))
    changed = apply(store, listing("node", node("gpu002")))
    assert changed == {"node"}
    assert set(store.nodes) == {"a100/gpu002"}


def test_the_same_listing_again_changes_nothing() -> None:
    store = Store()
    apply(store, listing("node", node("gpu001")))
    revision = store.revision["node"]
    assert apply(store, listing("node", node("gpu001"), when=1005.0)) == frozenset()
    assert store.revision["node"] == revision
    assert store.when_true(store.nodes["a100/gpu001"]) == 1005.0


def test_an_empty_first_listing_ends_loading() -> None:
    store = Store()
    assert store.is_loading("job")
    assert apply(store, listing("job")) == {"job"}
    assert not store.is_loading("job")


def test_a_half_listing_is_never_the_picture() -> None:
    store = Store()
    many = [node(f"gpu{number:04}") for number in range(wire.ROWS + 1)]
    first, second = wire.slices(listing("node", *many), 1)
    store.apply(first)
    assert not store.nodes
    store.apply(second)
    assert len(store.nodes) == wire.ROWS + 1


def test_sources_do_not_remove_each_others_entities() -> None:
    store = Store()
    apply(store, listing("node", node("gpu001")))
    apply(store, listing("node", node("k8s001", source="kubernetes"), source="kubernetes"))
    assert set(store.nodes) == {"a100/gpu001", "a100/k8s001"}


def source(state: str = "live", last_success: float | None = 1000.0) -> wire.Source:
    return wire.Source("a100", "slurm", state, 2.0, last_success, 0, "")  # type: ignore[arg-type]


def test_freshness_follows_age_failure_and_the_collector() -> None:
    store = Store()
    assert store.freshness("a100", "slurm", 1000.0) == "down"
    store.collector_up()
    assert store.freshness("a100", "slurm", 1000.0) == "loading"
    store.apply(source())
    assert store.freshness("a100", "slurm", 1001.0) == "live"
    assert store.freshness("a100", "slurm", 1006.0) == "late"
    store.apply(source("down"))
    assert store.freshness("a100", "slurm", 1001.0) == "down"
    store.apply(source("denied"))
    assert store.freshness("a100", "slurm", 1001.0) == "denied"
    store.apply(source())
    store.collector_lost()
    assert store.freshness("a100", "slurm", 1001.0) == "down"
    assert store.is_stale(node(), 1001.0)


def test_a_missing_sample_is_unknown_and_never_zero() -> None:
    store = Store()
    store.apply(GpuRows("dcgm", "a100", 1, ("gpu001", "gpu002"), (2, 2)))
    store.apply(GpuColumn("dcgm", "a100", 1, "util_percent", 1000.0, float_column([10.0, math.nan, 30.0, 0.0])))
    table = store.gpus["a100"]
    assert table.value("util_percent", "gpu001", 0) == 10.0
    assert table.value("util_percent", "gpu001", 1) is None
    assert table.value("util_percent", "gpu002", 1) == 0.0
    assert table.value("util_percent", "gpu003", 0) is None
    assert table.value("power_watts", "gpu001", 0) is None


def test_sample_age_adds_to_the_column_age() -> None:
    store = Store()
    store.apply(GpuRows("dcgm", "a100", 1, ("gpu001",), (2,)))
    store.apply(GpuColumn("dcgm", "a100", 1, "util_percent", 1000.0, float_column([1.0, 2.0])))
    store.apply(GpuColumn("dcgm", "a100", 1, "age_seconds", 1000.0, float_column([0.0, 90.0])))
    assert store.gpus["a100"].sample_time("util_percent", "gpu001", 1) == 910.0


def test_a_column_of_another_generation_is_dropped() -> None:
    store = Store()
    store.apply(GpuRows("dcgm", "a100", 2, ("gpu001",), (1,)))
    assert store.apply(GpuColumn("dcgm", "a100", 1, "util_percent", 1000.0, float_column([1.0]))) == frozenset()


@asynccontextmanager
async def served(hub: Hub) -> AsyncIterator[StreamReader]:
    ours, theirs = socket.socketpair()
    hub_reader, hub_writer = await open_unix_connection(sock=theirs)
    reader, writer = await open_unix_connection(sock=ours)
    task = create_task(hub.serve(hub_reader, hub_writer))
    try:
        yield reader
    finally:
        writer.close()
        await task
        await writer.wait_closed()


async def test_a_reader_that_is_one_behind_gets_the_step_only() -> None:
    hub = Hub()
    hub.publish(listing("node", node("gpu001"), node("gpu002")))
    async with served(hub) as reader, timeout(5):
        messages = wire.messages(reader)
        whole = await anext(messages)
        assert isinstance(whole, wire.Slice)
        assert whole.complete
        hub.publish(listing("node", node("gpu001"), node("gpu002", state="DOWN"), when=1002.0))
        step = await anext(messages)
        assert isinstance(step, wire.Slice)
        assert not step.complete
        assert [entity.key for entity in step.upserts] == ["a100/gpu002"]
        await messages.aclose()


async def test_a_new_reader_gets_the_newest_whole_picture() -> None:
    hub = Hub()
    hub.publish(listing("node", node("gpu001"), node("gpu002")))
    hub.publish(listing("node", node("gpu002", when=1002.0), when=1002.0))
    store = Store()
    async with served(hub) as reader, timeout(5):
        messages = wire.messages(reader)
        store.apply(await anext(messages))
        await messages.aclose()
    assert set(store.nodes) == {"a100/gpu002"}
    assert store.nodes["a100/gpu002"].when == 1000.0, "an entity that differs in `when` alone has not changed"
    assert store.when_true(store.nodes["a100/gpu002"]) == 1002.0


async def test_garbage_on_the_wire_is_malformed() -> None:
    reader = StreamReader()
    reader.feed_data(b"Last login: Tue Nov 24 03:00:00 2026 from 10.0.0.1\r\n")
    reader.feed_eof()
    with pytest.raises(Malformed, match="protocol"):
        async for _ in wire.messages(reader):
            pass


async def test_a_frame_of_the_wrong_shape_is_malformed() -> None:
    body = msgspec.msgpack.encode(["slice", 1, 2])
    reader = StreamReader()
    reader.feed_data(len(body).to_bytes(4, "little") + body)
    reader.feed_eof()
    with pytest.raises(Malformed, match="shape"):
        async for _ in wire.messages(reader):
            pass


def test_entities_survive_the_wire() -> None:
    (part,) = wire.slices(listing("job", job()), 1)
    body = wire.frame(part)[4:]
    assert msgspec.msgpack.Decoder(wire.Message).decode(body) == part
