"""The ways to a collector: a process of our own, a shared socket on this machine, or one that SSH leads to.

All are begun without waiting, so that they can come before any slow import, and each serves one attempt.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO, Protocol, SupportsIndex

from crashcart.backends.errors import BackendError, Denied, Unreachable

from .attach import Address, parse_address
from .session import Session, encode_session

SILENT_SECONDS = 4.0
"""A collector beats every second; after this long without a byte it counts as frozen and is replaced."""

SHARED_SILENT_SECONDS = 15.0
"""The same for a collector that others use too: it is not ours to replace, and the link to it may be slow."""

START_SECONDS = 12.0
LOGIN_SECONDS = 45.0
CONNECT_SECONDS = 2.0
GREET_SECONDS = 10.0
READ_LIMIT = 1 << 20


class HeardReader(asyncio.StreamReader):
    """A stream that tells of every byte: on a slow link one frame may take longer than a collector may be silent."""

    def __init__(self) -> None:
        super().__init__(limit=READ_LIMIT, loop=asyncio.get_running_loop())
        self.on_data: Callable[[], None] = lambda: None

    def feed_data(self, data: Iterable[SupportsIndex]) -> None:
        self.on_data()
        super().feed_data(data)


Streams = tuple[HeardReader, asyncio.StreamWriter]


class CollectorEnd(Protocol):
    """Our end of one attempt. `where` says in messages what is at the other; times are how long it may be silent."""

    where: str
    hello_seconds: float
    silent_seconds: float
    is_shared: bool

    async def open(self) -> Streams:
        """Streams to the collector. Raises Unreachable or Denied."""
        ...

    def kill(self) -> None:
        """Let go of it now."""
        ...


def collector_end(session: Session, log: Path | None) -> CollectorEnd:
    """Begin to reach the collector that the session names; failures are told by `open`."""
    if session.attach is None:
        return CollectorProcess(session, log)
    address = parse_address(session.attach)
    return SharedSocket(address) if address.host is None else RelayProcess(session, address, log)


class _Child:
    """A process of ours at the other end of a socket pair, told the session in its first line."""

    module: str

    def __init__(self, session: Session, log: Path | None) -> None:
        ours, theirs = socket.socketpair()
        with theirs, _opened(log) as stderr:
            self.process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-P", "-m", self.module, "--fd", str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                process_group=0,  # Ctrl-C before raw mode is not for it
            )
        ours.sendall(encode_session(session) + b"\n")
        self.socket = ours

    async def open(self) -> Streams:
        return await _streams(self.socket)

    def kill(self) -> None:
        """End it now and collect its exit status."""
        self.process.kill()
        self.process.wait()


class CollectorProcess(_Child):
    """A collector of this cockpit alone."""

    module = "crashcart.ops.collector"
    where = "the collector of this cockpit"
    hello_seconds = START_SECONDS
    silent_seconds = SILENT_SECONDS
    is_shared = False


class RelayProcess(_Child):
    """A process that passes bytes between us and a shared collector that SSH leads to."""

    module = "crashcart.ops.collector_relay"
    hello_seconds = LOGIN_SECONDS
    silent_seconds = SHARED_SILENT_SECONDS
    is_shared = True

    def __init__(self, session: Session, address: Address, log: Path | None) -> None:
        self.where = f"the collector at {address}"
        super().__init__(Session((), "", attach=session.attach, attach_ssh=session.attach_ssh), log)


class SharedSocket:
    """The socket of a shared collector on this machine."""

    hello_seconds = GREET_SECONDS
    silent_seconds = SHARED_SILENT_SECONDS
    is_shared = True

    def __init__(self, address: Address) -> None:
        self.where = f"the collector at {address}"
        self._path = address.path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._failure: OSError | None = None
        self._socket.settimeout(CONNECT_SECONDS)
        try:
            self._socket.connect(self._path)
        except OSError as error:
            self._failure = error

    async def open(self) -> Streams:
        if self._failure is not None:
            raise _explained(self._path, self._failure) from self._failure
        self._socket.setblocking(False)
        return await _streams(self._socket)

    def kill(self) -> None:
        self._socket.close()


def _explained(path: str, failure: OSError) -> BackendError:
    match failure:
        case FileNotFoundError():
            return Unreachable(f"there is no collector at {path}; is it running?")
        case PermissionError():
            return Denied(f"you may not use the collector at {path}; ask for its group, then log in anew")
        case ConnectionRefusedError():
            return Unreachable(f"the collector at {path} has ended; it is tried again until it is back")
        case TimeoutError() | BlockingIOError():
            return Unreachable(f"the collector at {path} takes no more connections: it hangs; look at its log")
        case _:
            return Unreachable(f"the collector at {path} cannot be reached: {failure.strerror or failure}")


async def _streams(ours: socket.socket) -> Streams:
    loop = asyncio.get_running_loop()
    reader = HeardReader()
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    transport, _ = await loop.create_unix_connection(lambda: protocol, sock=ours)
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


def _opened(log: Path | None) -> BinaryIO:
    if log is None:
        return Path(os.devnull).open("wb")
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return log.open("ab")
