"""A TCP proxy that breaks links on command: cut cleanly, cut hard, silent, slow, or garbled."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from types import TracebackType

_CHUNK = 1 << 14
_SLICE_SECONDS = 0.05
_END_SECONDS = 5.0


class FaultProxy:
    """Listens on loopback (`port`) and passes bytes on to `target`, until it is told otherwise."""

    def __init__(self, target: int) -> None:
        self.port = 0
        self.connections = 0  # accepted so far
        self.delay_seconds = 0.0
        self.bytes_per_second: int | None = None
        self._target = target
        self._server: asyncio.Server | None = None
        self._links: set[asyncio.Task[None]] = set()
        self._pairs: list[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = []
        self._up_left: int | None = None
        self._down_left: int | None = None
        self._flows = asyncio.Event()
        self._flows.set()

    async def __aenter__(self) -> FaultProxy:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.thaw()
        if self._server is not None:
            self._server.close()
        self.fin()
        if self._links:
            await asyncio.wait(self._links, timeout=_END_SECONDS)

    def fin(self) -> None:
        """End all links the polite way."""
        for near, far in self._pairs:
            near.close()
            far.close()
        self._pairs.clear()

    def rst(self) -> None:
        """Tear all links off."""
        for writer in (end for pair in self._pairs for end in pair):
            link: socket.socket = writer.get_extra_info("socket")
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        self._pairs.clear()

    def freeze(self) -> None:
        """Pass nothing on, and say nothing: a cable pulled out."""
        self._flows.clear()

    def thaw(self) -> None:
        """Pass on what was held back, and all that follows."""
        self._flows.set()

    def delay(self, seconds: float) -> None:
        """Hold every piece back that long."""
        self.delay_seconds = seconds

    def throttle(self, bytes_per_second: int | None) -> None:
        """Pass on no more than that, in each direction."""
        self.bytes_per_second = bytes_per_second

    def cut_after(self, *, up: int | None = None, down: int | None = None) -> None:
        """End all links, once, when that many more bytes have gone to the target or come from it."""
        self._up_left, self._down_left = up, down

    def garbage(self, size: int = 256) -> None:
        """Send bytes to our side that the other side never sent."""
        for near, _ in self._pairs:
            near.write(os.urandom(size))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        link = asyncio.current_task()
        assert link is not None
        self._links.add(link)
        link.add_done_callback(self._links.discard)
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.close()
            return
        self._pairs.append((writer, far_writer))
        await asyncio.gather(self._pump(reader, far_writer, up=True), self._pump(far_reader, writer, up=False))

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, up: bool) -> None:
        size = _CHUNK
        with contextlib.suppress(OSError):
            while data := await source.read(size):
                if self.delay_seconds:
                    await asyncio.sleep(self.delay_seconds)
                if self.bytes_per_second is not None:
                    await asyncio.sleep(len(data) / self.bytes_per_second)
                    size = max(1, int(self.bytes_per_second * _SLICE_SECONDS))
                await self._flows.wait()
                left = self._up_left if up else self._down_left
                if left is not None and len(data) > left:
                    await self._cut(sink, data[:left])
                    return
                if left is not None and up:
                    self._up_left = left - len(data)
                elif left is not None:
                    self._down_left = left - len(data)
                sink.write(data)
                await sink.drain()
        await self._flows.wait()
        sink.close()

    async def _cut(self, sink: asyncio.StreamWriter, last: bytes) -> None:
        self.cut_after()
        sink.write(last)
        await sink.drain()
        self.fin()  # not a reset: that would take back what was passed on just now
