"""What one reader of a shared collector does, or fails to do, ends that reader only."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from crashcart.backends import wire
from crashcart.backends.errors import Unreachable
from crashcart.ops import collector_server, hub
from crashcart.ops.greeting import introduce
from tests.entities import listing, node
from tests.shared_collector import InProcess, Reader, hello_frame, readers, serving


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[InProcess]:
    async with serving(tmp_path / "c.sock", most=4) as running:
        running.hub.publish(listing("node", node("gpu001")))
        running.hub.beat(1000.0)
        yield running


def has(name: str) -> object:
    return lambda store: f"a100/{name}" in store.nodes


async def test_the_first_beat_comes_after_the_whole_picture(served: InProcess) -> None:
    served.hub.publish(listing("job"))
    async with readers(served.path, 1) as (reader,):
        await reader.until(lambda store: store.last_beat == 1000.0)
        assert {kind for _, kind in reader.store.listed} == {"node", "job"}


@pytest.mark.parametrize(
    "garbage",
    [b"GET / HTTP/1.1\r\n\r\n", b"\xff\xff\xff\xff", b"\x04\0\0\0abcd", wire.frame(wire.Beat(1.0)),
     (hub.MOST_HOSTS * 1 << 20).to_bytes(4, "little")],
    ids=["http", "length", "no msgpack", "not for readers", "too long"],
)  # fmt: skip
async def test_garbage_ends_the_reader_that_sent_it_and_no_other(served: InProcess, garbage: bytes) -> None:
    async with readers(served.path, 2) as (bad, good):
        bad.say(garbage)
        goodbye = await bad.end()
        assert goodbye is not None
        assert "did not understand" in goodbye.why
        served.hub.publish(listing("node", node("gpu001"), node("gpu002"), when=1002.0))
        await good.until(lambda store: "a100/gpu002" in store.nodes)


async def test_one_reader_too_many_is_told_so_and_the_others_stay(served: InProcess) -> None:
    async with readers(served.path, 4) as attached:
        async with readers(served.path, 1) as (extra,):
            goodbye = await extra.end()
        assert goodbye is not None
        assert "serves 4 cockpits already" in goodbye.why
        assert "--readers" in goodbye.why
        served.hub.publish(listing("node", node("gpu002"), when=1002.0))
        for reader in attached:
            await reader.until(lambda store: "a100/gpu002" in store.nodes)
        await attached.pop().leave()
        async with asyncio.timeout(5):
            while True:
                async with readers(served.path, 1) as (next_one,):
                    try:
                        await next_one.until(lambda store: store.last_beat)
                        return
                    except AssertionError:  # the one that left is not gone yet
                        continue


async def test_one_that_says_no_hello_is_let_go_in_time(served: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collector_server, "HELLO_SECONDS", 0.05)
    reader, writer = await asyncio.open_unix_connection(served.path)
    async with asyncio.timeout(5):
        assert isinstance(await wire.first_word(reader), wire.Hello)
        assert await reader.read() == b""
    writer.close()


async def test_one_that_takes_nothing_for_long_is_let_go(served: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "STUCK_SECONDS", 0.2)
    reader, stopped = await asyncio.open_unix_connection(served.path)
    await introduce(reader, stopped, "")
    transport = stopped.transport
    assert isinstance(transport, asyncio.ReadTransport)
    transport.pause_reading()
    (stuck,) = served.readers._tasks
    many = [node(f"gpu{number:05}", reason="x" * 200) for number in range(5000)]
    async with readers(served.path, 1) as (good,):
        served.hub.publish(listing("node", *many, when=1002.0))
        await good.until(lambda store: len(store.nodes) == 5000)
        assert (await asyncio.wait({stuck}, timeout=5))[0]
        await good.until(lambda store: store.last_beat)
    stopped.close()


async def test_all_are_told_when_the_collector_is_stopped(tmp_path: Path) -> None:
    async with serving(tmp_path / "c.sock") as served:
        one, two = [await Reader.attached(served.path) for _ in range(2)]
        stopped = socket.socket(socket.AF_UNIX)
        stopped.connect(str(served.path))
        stopped.sendall(hello_frame())
    for reader in (one, two):
        goodbye = await reader.end()
        assert goodbye is not None
        assert "was stopped" in goodbye.why
        assert not goodbye.is_refusal
        await reader.leave()
    stopped.close()


async def test_who_looks_at_much_does_not_push_others_out(served: InProcess) -> None:
    async with readers(served.path, 2) as (greedy, modest):
        greedy.look_at(*(("a100", f"gpu{number:03}") for number in range(100)))
        modest.look_at(("h100", "node1"))
        await served.until_looked_at(lambda told: len(told.hosts) == hub.MOST_HOSTS + 1)
        assert ("h100", "node1") in served.focuses[-1].hosts[:2]


async def test_a_reader_of_another_version_disturbs_nobody(served: InProcess) -> None:
    async with readers(served.path, 1) as (good,):
        reader, writer = await asyncio.open_unix_connection(served.path)
        writer.write(wire.frame(wire.Hello(wire.PROTOCOL + 1, 1, "9.0")))
        async with asyncio.timeout(5):
            await wire.first_word(reader)
            last = await wire.first_word(reader)
            assert isinstance(last, wire.Goodbye)
            assert str(served.path) in last.why
            assert await reader.read() == b"", "no garbage follows"
        writer.close()
        served.hub.publish(listing("node", node("gpu002"), when=1002.0))
        await good.until(lambda store: "a100/gpu002" in store.nodes)


async def test_after_the_end_nobody_is_there(tmp_path: Path) -> None:
    async with serving(tmp_path / "c.sock") as served:
        path = served.path
    with pytest.raises((FileNotFoundError, Unreachable)):
        await introduce(*await asyncio.open_unix_connection(path), str(path))
