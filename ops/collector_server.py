"""A collector that any number of cockpits share: it collects as long as it runs, whoever is attached.

A reader gets the picture and nothing of the configuration. What a reader does, or fails to do, ends that reader only.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import struct
from collections.abc import Callable

from crashcart.backends import wire
from crashcart.backends.errors import BackendError
from crashcart.backends.text import clean

from .collector import collecting
from .collector_socket import CollectorSocket
from .greeting import our_hello, receive
from .hub import Hub
from .session import Session

log = logging.getLogger("crashcart.collector")

MOST_READERS = 64
HELLO_SECONDS = 5.0
PART_SECONDS = 1.0
READ_LIMIT = 1 << 17  # twice the longest thing a reader may say

_CREDENTIALS = struct.Struct("3i")


async def share(session: Session, door: CollectorSocket, *, most_readers: int, on_ready: Callable[[], None]) -> None:
    """Collect, and serve the readers that come to `door`, until SIGTERM, SIGINT or SIGHUP."""
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    async with collecting(session) as hub:
        readers = Readers(hub, str(door.path), most_readers)
        server = await asyncio.start_unix_server(readers.take, sock=door.socket, limit=READ_LIMIT)
        on_ready()
        log.info("collector.serves path=%s clusters=%s", door.path, ",".join(c.name for c in session.clusters))
        await stop.wait()
        server.close()
        await readers.part()
    log.info("collector.stopped path=%s", door.path)


class Readers:
    """All who are attached."""

    def __init__(self, hub: Hub, path: str, most: int) -> None:
        self._hub = hub
        self._where = f"the collector at {path}"
        self._most = most
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one who has just connected."""
        task = asyncio.create_task(self._serve(reader, writer), name="reader")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def part(self) -> None:
        """Tell all that this is the end, and leave those that do not listen."""
        self._hub.part(f"{self._where} was stopped; it is tried again until it is back")
        if self._tasks:
            _, deaf = await asyncio.wait(self._tasks, timeout=PART_SECONDS)
            for task in deaf:
                task.cancel()
            await asyncio.gather(*deaf, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        who = _who(writer)
        try:
            if len(self._tasks) > self._most:
                self._turn_away(writer)
                log.warning("reader.turned-away %s most=%d", who, self._most)
                return
            async with asyncio.timeout(HELLO_SECONDS):
                hello = await receive(reader, writer, self._where)
            version = clean(hello.version, limit=40)
            log.info("reader.attached %s version=%s process=%d readers=%d", who, version, hello.pid, len(self._tasks))
            await self._hub.serve(reader, writer)
            log.info("reader.gone %s readers=%d", who, len(self._tasks) - 1)
        except TimeoutError:
            log.warning("reader.silent %s said no hello within %g s", who, HELLO_SECONDS)
        except BackendError as error:
            log.warning("reader.refused %s: %s", who, error)
        finally:
            writer.close()

    def _turn_away(self, writer: asyncio.StreamWriter) -> None:
        why = f"{self._where} serves {self._most} cockpits already; leave one, or start it with more --readers"
        writer.write(wire.frame(our_hello()) + wire.frame(wire.Goodbye(why, is_refusal=True)))


def _who(writer: asyncio.StreamWriter) -> str:
    """Who is at the other end, by the kernel; a number, for looking names up may hang."""
    peer = writer.get_extra_info("socket")
    pid, uid, _ = _CREDENTIALS.unpack(peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return f"uid={uid} pid={pid}"
