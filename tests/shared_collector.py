"""Readers of a collector's socket as a test needs them, and a collector in this process for them to read."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from crashcart.backends import wire
from crashcart.ops.collector_link import CollectorLink
from crashcart.ops.collector_server import Readers
from crashcart.ops.greeting import introduce, our_hello
from crashcart.ops.hub import Hub
from crashcart.ops.session import Session
from crashcart.ops.store import Store


class InProcess:
    """A hub behind a real socket."""

    def __init__(self, path: Path, most: int) -> None:
        self.path = path
        self.focuses: list[wire.Focus] = []
        self._looked = asyncio.Event()
        self.hub = Hub(self._look)
        self.readers = Readers(self.hub, str(path), most)

    def _look(self, focus: wire.Focus) -> None:
        self.focuses.append(focus)
        self._looked.set()

    async def until_looked_at(self, condition: Callable[[wire.Focus], object], seconds: float = 10.0) -> None:
        """Wait for a focus like this."""
        async with asyncio.timeout(seconds):
            while not any(condition(focus) for focus in self.focuses):
                self._looked.clear()
                await self._looked.wait()


@asynccontextmanager
async def serving(path: Path, *, most: int = 64) -> AsyncIterator[InProcess]:
    """Serve until the context ends, then part with all."""
    served = InProcess(path, most)
    server = await asyncio.start_unix_server(served.readers.take, path)
    try:
        yield served
    finally:
        server.close()
        await served.readers.part()
        os.unlink(path)  # noqa: PTH108 - the loop has nothing else to do


class Reader:
    """A reader that keeps a store of what it was told."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.store = Store()
        self.goodbye: wire.Goodbye | None = None
        self.raw = 0  # messages taken in
        self._changed = asyncio.Event()
        self._reader = reader
        self._writer = writer
        self._task = asyncio.create_task(self._follow(), name="reader of a test")

    @classmethod
    async def attached(cls, path: Path) -> Reader:
        """Connect, say hello and follow."""
        reader, writer = await asyncio.open_unix_connection(path)
        await introduce(reader, writer, str(path))
        return cls(reader, writer)

    def look_at(self, *hosts: tuple[str, str], alerts: bool = False) -> None:
        self.say(wire.frame(wire.Focus(hosts, alerts)))

    def say(self, data: bytes) -> None:
        self._writer.write(data)

    def pause(self) -> None:
        """Take nothing more from the socket."""
        self._incoming.pause_reading()

    def resume(self) -> None:
        self._incoming.resume_reading()

    @property
    def _incoming(self) -> asyncio.ReadTransport:
        transport = self._writer.transport
        assert isinstance(transport, asyncio.ReadTransport)
        return transport

    async def until(self, condition: Callable[[Store], object], seconds: float = 10.0) -> None:
        async with asyncio.timeout(seconds):
            while not condition(self.store):
                self._changed.clear()
                assert not self._task.done(), f"the collector has gone: {self.goodbye}"
                await self._changed.wait()

    async def end(self, seconds: float = 10.0) -> wire.Goodbye | None:
        """Wait until the collector lets go; return its last words."""
        async with asyncio.timeout(seconds):
            await asyncio.wait({self._task})
        return self.goodbye

    async def leave(self) -> None:
        self._task.cancel()
        await asyncio.wait({self._task})
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()

    async def _follow(self) -> None:
        async for message in wire.messages(self._reader):
            self.raw += 1
            if isinstance(message, wire.Goodbye):
                self.goodbye = message
            self.store.apply(message)
            self._changed.set()
        self._changed.set()


@asynccontextmanager
async def readers(path: Path, count: int) -> AsyncIterator[list[Reader]]:
    """So many readers at once."""
    attached = [await Reader.attached(path) for _ in range(count)]
    try:
        yield attached
    finally:
        for reader in attached:
            await reader.leave()


class Watched:
    """A store that a link feeds, and a way to wait until it looks a certain way."""

    def __init__(self) -> None:
        self.store = Store()
        self._changed = asyncio.Event()

    def on_change(self, kinds: frozenset[str]) -> None:
        self._changed.set()

    async def until(self, condition: Callable[[Store], object], seconds: float = 10.0) -> None:
        try:
            async with asyncio.timeout(seconds):
                while not condition(self.store):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError as error:
            raise AssertionError(f"not in time; trouble: {self.store.collector_trouble!r}") from error


@asynccontextmanager
async def linked(session: Session, log: Path | None = None) -> AsyncIterator[Watched]:
    """A cockpit's link for this session."""
    watched = Watched()
    task = asyncio.create_task(CollectorLink(session, log=log).run(watched.store, watched.on_change))
    try:
        yield watched
    finally:
        task.cancel()
        await asyncio.wait({task})


def attached_session(attach: str, **fields: object) -> Session:
    """A session without clusters of its own."""
    return Session((), "", attach=attach, **fields)  # type: ignore[arg-type]


def hello_frame() -> bytes:
    return wire.frame(our_hello())
