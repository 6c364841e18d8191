"""A cockpit that is attached keeps its picture when the collector goes away, says why, and comes back by itself."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import pytest

from crashcart.backends import wire
from crashcart.ops import collector_link
from crashcart.ops.collector_ends import SharedSocket
from crashcart.ops.greeting import our_hello
from crashcart.ops.store import Store
from tests.entities import listing, node
from tests.shared_collector import attached_session, linked, serving


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "c.sock"


async def test_the_picture_comes_from_the_shared_collector_and_stays_when_it_ends(path: Path) -> None:
    async with linked(attached_session(str(path))) as seen:
        await seen.until(lambda store: "there is no collector" in store.collector_trouble)
        async with serving(path) as served:
            served.hub.publish(listing("node", node("gpu001")))
            await seen.until(lambda store: store.collector_alive and store.nodes)
            assert seen.store.collector_trouble == ""
        await seen.until(lambda store: not store.collector_alive)
        assert "was stopped" in seen.store.collector_trouble
        assert set(seen.store.nodes) == {"a100/gpu001"}
        async with serving(path) as served:
            served.hub.publish(listing("node", node("gpu002")))
            await seen.until(lambda store: set(store.nodes) == {"a100/gpu002"})


async def test_what_is_looked_at_is_told_to_every_collector_that_follows(path: Path) -> None:
    focus = wire.Focus((("a100", "gpu001"),))
    link = collector_link.CollectorLink(attached_session(str(path)))
    link.look_at(focus)
    task = asyncio.create_task(link.run(Store(), lambda kinds: None))
    for _ in range(2):
        async with serving(path) as served:
            await served.until_looked_at(lambda told: told == focus)
    task.cancel()
    await asyncio.wait({task})


@asynccontextmanager
async def talking(path: Path, words: AsyncIterator[bytes]) -> AsyncIterator[None]:
    """A collector that says hello and these words to whoever comes first, and then nothing."""
    tasks: list[asyncio.Task[None]] = []

    async def talk(writer: asyncio.StreamWriter) -> None:
        try:
            async for word in words:
                writer.write(word)
                await writer.drain()
            await asyncio.Event().wait()
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    def take(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.append(asyncio.create_task(talk(writer)))

    server = await asyncio.start_unix_server(take, path)
    try:
        yield
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def saying(*frames: bytes) -> AsyncIterator[bytes]:
    for frame in frames:
        yield frame


@contextmanager
def counting(path: Path) -> Iterator[None]:
    """A collector on a thread of its own, one of whose sources changes all the time."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def count() -> None:
        link, _ = listener.accept()
        with link, suppress(OSError):
            link.sendall(wire.frame(our_hello()))
            for number in range(1_000_000):
                link.sendall(wire.frame(wire.Source("a100", "slurm", "late", 1.0, None, number, "")))
                time.sleep(0.02)

    thread = threading.Thread(target=count)
    thread.start()
    with listener:
        yield
    thread.join()


async def slowly(frame: bytes) -> AsyncIterator[bytes]:
    """A link of 1 kB/s."""
    yield wire.frame(our_hello())
    for start in range(0, len(frame), 50):
        yield frame[start : start + 50]
        await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("frames", "why"),
    [
        ([b"SSH-2.0-OpenSSH_9.2\r\n" * 9], "makes no sense"),
        ([wire.frame(wire.Hello(wire.PROTOCOL + 1, 1, "9.0"))], "protocol"),
        ([wire.frame(our_hello()), b"\xff\xff\xff\x7fgarbage"], "makes no sense"),
        ([wire.frame(our_hello()), wire.frame(wire.Goodbye("64 cockpits already", True))], "64 cockpits"),
        ([wire.frame(wire.Goodbye("login1 says no"))], "login1 says no"),
        ([wire.frame(our_hello())], "no sign of life"),
        ([], "no sign of life"),
    ],
    ids=["other service", "other protocol", "garbage later", "full", "relay", "frozen", "frozen at once"],
)
async def test_whatever_answers_instead_of_a_collector_is_told_in_words(
    path: Path, frames: list[bytes], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SharedSocket, "silent_seconds", 0.2)
    monkeypatch.setattr(SharedSocket, "hello_seconds", 0.2)
    async with talking(path, saying(*frames)), linked(attached_session(str(path))) as seen:
        await seen.until(lambda store: why in store.collector_trouble)
        assert not seen.store.collector_alive
        assert not seen.store.nodes


async def test_a_frame_that_takes_long_is_no_sign_of_death(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SharedSocket, "silent_seconds", 0.4)
    (part,) = wire.slices(listing("node", *(node(f"gpu{number:03}") for number in range(20))), 1)
    frame = wire.frame(part)

    assert len(frame) / 50 * 0.05 > 3 * 0.4
    async with talking(path, slowly(frame)), linked(attached_session(str(path))) as seen:
        await seen.until(lambda store: len(store.nodes) == 20)


async def test_a_cockpit_that_was_blocked_itself_does_not_blame_the_collector(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SharedSocket, "silent_seconds", 0.3)
    with counting(path):
        async with linked(attached_session(str(path))) as seen:
            await seen.until(lambda store: store.sources)
            time.sleep(0.8)  # noqa: ASYNC251 - an unread terminal blocks the loop like this
            at_least = seen.store.sources["a100", "slurm"].failures
            await seen.until(lambda store: store.sources["a100", "slurm"].failures > at_least + 5)
            assert seen.store.collector_alive
            assert seen.store.collector_trouble == ""
