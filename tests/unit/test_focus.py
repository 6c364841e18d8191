"""What readers look at reaches the feeds, and series that nobody looks at are forgotten."""

from __future__ import annotations

import socket
from asyncio import Event, StreamReader, StreamWriter, create_task, open_unix_connection, timeout
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

from crashcart.backends import wire
from crashcart.backends.contract import Interest, Pace
from crashcart.backends.model import GpuColumn, GpuRows, History, Item
from crashcart.ops.clock import SystemClock
from crashcart.ops.hub import Hub
from crashcart.ops.store import Store
from crashcart.ops.supervisor import Supervisor
from tests.entities import float_column


def history(host: str, when: float = 1000.0) -> History:
    return History("prometheus", "a100", f"host:{host}", when, 940.0, 60.0, ("load",), float_column([1.0, 2.0]))


class Readers:
    """Cockpits at one hub."""

    def __init__(self) -> None:
        self.focuses: list[wire.Focus] = []
        self.told = Event()
        self.hub = Hub(self._on_focus)

    def _on_focus(self, focus: wire.Focus) -> None:
        self.focuses.append(focus)
        self.told.set()

    @asynccontextmanager
    async def reader(self) -> AsyncIterator[tuple[StreamReader, StreamWriter]]:
        ours, theirs = socket.socketpair()
        hub_reader, hub_writer = await open_unix_connection(sock=theirs)
        reader, writer = await open_unix_connection(sock=ours)
        task = create_task(self.hub.serve(hub_reader, hub_writer))
        try:
            yield reader, writer
        finally:
            writer.close()
            await task
            await writer.wait_closed()

    async def until(self, focus: wire.Focus) -> None:
        async with timeout(5):
            while not self.focuses or self.focuses[-1] != focus:
                self.told.clear()
                await self.told.wait()


async def test_what_all_readers_look_at_is_told_together() -> None:
    readers = Readers()
    one, two = (("a100", "gpu001"),), (("a100", "gpu002"),)
    async with readers.reader() as (_, first):
        first.write(wire.frame(wire.Focus(one)))
        await readers.until(wire.Focus(one))
        async with readers.reader() as (_, second):
            second.write(wire.frame(wire.Focus(two, alerts=True)))
            await readers.until(wire.Focus(one + two, alerts=True))
        await readers.until(wire.Focus(one))
    await readers.until(wire.Focus())


async def test_a_reader_that_talks_nonsense_is_let_go() -> None:
    readers = Readers()
    async with readers.reader() as (stream, writer), timeout(5):
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        await stream.read()  # ends because the hub closes
    assert readers.focuses == []


async def test_series_reach_the_reader_and_are_forgotten_when_the_focus_moves() -> None:
    readers, store = Readers(), Store()
    async with readers.reader() as (stream, writer), timeout(5):
        messages = wire.messages(stream)
        writer.write(wire.frame(wire.Focus((("a100", "gpu001"),))))
        await readers.until(wire.Focus((("a100", "gpu001"),)))
        readers.hub.publish(history("gpu001"))
        store.apply(await anext(messages))
        assert store.histories[("a100", "host:gpu001")]["prometheus"].points == 2

        writer.write(wire.frame(wire.Focus((("a100", "gpu002"),))))
        await readers.until(wire.Focus((("a100", "gpu002"),)))
        readers.hub.publish(history("gpu002"))
        store.apply(await anext(messages))
        await messages.aclose()
    async with readers.reader() as (stream, _), timeout(5):
        messages = wire.messages(stream)
        only = await anext(messages)
        await messages.aclose()
    assert isinstance(only, History)
    assert only.subject == "host:gpu002"
    store.forget_histories(frozenset({("a100", "host:gpu002")}))
    assert set(store.histories) == {("a100", "host:gpu002")}


async def test_a_series_that_comes_back_is_sent_again() -> None:
    readers = Readers()
    async with readers.reader() as (stream, writer), timeout(5):
        messages = wire.messages(stream)
        for host in ("gpu001", "gpu002", "gpu001"):
            writer.write(wire.frame(wire.Focus((("a100", host),))))
            await readers.until(wire.Focus((("a100", host),)))
            readers.hub.publish(history(host))
            message = await anext(messages)
            assert isinstance(message, History)
            assert message.subject == f"host:{host}"
        await messages.aclose()


class AttentiveFeed:
    """A feed that notes what it is told to attend to, and fails once."""

    def __init__(self) -> None:
        self.attended: list[Interest] = []
        self.goes_on = Event()

    def attend(self, interest: Interest) -> None:
        self.attended.append(interest)

    async def watch(self, pace: Pace) -> AsyncGenerator[Item, None]:
        await self.goes_on.wait()
        return
        yield  # an ended feed is made anew

    async def close(self) -> None:
        self.goes_on.set()


async def test_a_feed_made_anew_is_told_what_is_looked_at() -> None:
    feeds: list[AttentiveFeed] = []
    made = Event()

    def make() -> AttentiveFeed:
        feeds.append(AttentiveFeed())
        made.set()
        return feeds[-1]

    supervisor = Supervisor(
        "a100", "prometheus", make,
        interval_seconds=5.0, publish=lambda item: None, report=lambda source: None, clock=SystemClock(),
    )  # fmt: skip
    task = create_task(supervisor.run())
    async with timeout(10):
        await made.wait()
        supervisor.attend(Interest(("gpu001",), alerts=True))
        made.clear()
        feeds[0].goes_on.set()
        await made.wait()
    task.cancel()
    assert feeds[0].attended[-1] == feeds[1].attended[-1] == Interest(("gpu001",), alerts=True)


def test_a_table_remembers_the_last_columns_of_a_few_metrics() -> None:
    store = Store()
    store.apply(GpuRows("prometheus", "a100", 1, ("gpu001",), (2,)))
    for step in range(100):
        values = float_column([float(step), -float(step)])
        store.apply(GpuColumn("prometheus", "a100", 1, "power_watts", 1000.0 + step, values))
        store.apply(GpuColumn("prometheus", "a100", 1, "xid", 1000.0 + step, values))
    table = store.gpus["a100"]
    recent = table.recent("power_watts", "gpu001", 1)
    assert len(recent) == 60
    assert recent[-1] == (1099.0, -99.0)
    assert table.recent("xid", "gpu001", 1) == []
    assert table.recent("power_watts", "gpu009", 0) == []


def test_what_is_remembered_of_a_large_cluster_is_bounded() -> None:
    store, gpus = Store(), 400_000
    store.apply(GpuRows("prometheus", "a100", 1, ("one",), (gpus,)))
    for step in range(20):
        values = memoryview(bytes(gpus * 4))
        store.apply(GpuColumn("prometheus", "a100", 1, "util_percent", float(step), values))
    held = sum(column.nbytes for _, column in store.gpus["a100"].past["util_percent"])
    assert held <= 4 << 20
