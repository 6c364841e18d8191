"""Streams to Unix sockets on a machine over SSH; the socket sees the user who logged in there."""

from __future__ import annotations

import contextlib

import asyncssh

from crashcart.backends.errors import BackendError, Denied, Unreachable
from crashcart.backends.text import clean, node_name

from .pool import SshPool, is_lost
from .runner import SshRunner

WINDOW = 128 << 10
"""Bytes under way. A collector sends the newest picture when there is room: on a slow link a full window is its age."""

ASK_SECONDS = 10.0
_CHUNK = 1 << 16


class SshStream:
    """A ByteStream of the contract."""

    def __init__(self, reader: asyncssh.SSHReader[bytes], writer: asyncssh.SSHWriter[bytes]) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self) -> bytes:
        """The next bytes; b"" when the other side or the link has ended."""
        try:
            return await self._reader.read(_CHUNK)
        except (asyncssh.Error, OSError):
            return b""

    async def write(self, data: bytes) -> None:
        with contextlib.suppress(asyncssh.Error, OSError):
            self._writer.write(data)
            await self._writer.drain()

    def close(self) -> None:
        self._writer.channel.abort()


async def open_socket(pool: SshPool, host: str, path: str) -> SshStream:
    """Connect to the Unix socket `path` on `host`. Raises BadIdentifier, Unreachable, Denied, Unsupported."""
    connection = await pool.connection(host)
    try:
        reader, writer = await connection.open_unix_connection(path, encoding=None, window=WINDOW)
    except (asyncssh.Error, OSError) as error:
        said = clean(str(error), limit=200)
        if await is_lost(connection):
            raise Unreachable(f"{host}: the link was lost ({said}); it is tried again") from error
        raise await _refusal(pool, host, path, said) from error
    return SshStream(reader, writer)


async def _refusal(pool: SshPool, host: str, path: str, said: str) -> BackendError:
    """Why the socket was not opened. A server says the same whatever it was, so look at the socket there."""
    place = f"{path} on {node_name(host)}"
    if await _says_no(pool, host, "-S", path):
        return Unreachable(f"there is no socket {place}; is the collector running there?")
    if await _says_no(pool, host, "-w", path):
        return Denied(f"you may not use {place}; ask for its group, then log in there anew")
    return Unreachable(
        f"{place} was not opened ({said}); is the collector running there? If it is: the server needs "
        "AllowStreamLocalForwarding, a certificate permit-port-forwarding"
    )


async def _says_no(pool: SshPool, host: str, what: str, path: str) -> bool:
    try:
        result = await SshRunner(pool, host).run(("test", what, path), timeout=ASK_SECONDS)
    except BackendError:
        return False
    return result.exit_status == 1
