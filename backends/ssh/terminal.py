"""An interactive shell on a machine over SSH: bytes both ways, and None for its end when the link was lost."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable

import asyncssh

from crashcart.backends.errors import Denied, Unreachable
from crashcart.backends.text import clean

from .pool import Connection, SshPool, is_lost

_CHUNK = 1 << 16
_WINDOW = 1 << 15  # bytes under way: what still comes after Ctrl-C
_PACKET = 1 << 13


class SshTerminal:
    """A Terminal of the contract. `let_go` is called once, when it is closed."""

    def __init__(self, process: asyncssh.SSHClientProcess[bytes], let_go: Callable[[], None]) -> None:
        self._process = process
        self._let_go: Callable[[], None] | None = let_go

    async def read(self) -> bytes:
        """The next bytes for the screen; b"" when the session or the link has ended."""
        try:
            return await self._process.stdout.read(_CHUNK)
        except (asyncssh.Error, OSError):
            return b""

    def write(self, data: bytes) -> None:
        with contextlib.suppress(OSError):  # it ended meanwhile, which `read` tells
            self._process.stdin.write(data)

    def resize(self, columns: int, rows: int) -> None:
        with contextlib.suppress(OSError):
            self._process.change_terminal_size(columns, rows)

    async def wait(self) -> int | None:
        """The exit status (128 and its number for a signal, as shells say it), or None when the link was lost."""
        await self._process.wait_closed()
        ended = self._process.exit_signal
        if ended is None:
            return self._process.exit_status
        number = getattr(signal, f"SIG{ended[0]}", None)
        return 128 + int(number) if isinstance(number, signal.Signals) else None

    def close(self) -> None:
        self._process.channel.abort()
        if self._let_go is not None:
            self._let_go()
            self._let_go = None


async def open_terminal(pool: SshPool, host: str, *, term: str, columns: int, rows: int) -> SshTerminal:
    """A login shell on `host`. Raises BadIdentifier, Unreachable, Denied, Unsupported."""
    await pool.connection(host)
    slot = pool.slots(host)
    await slot.acquire()
    is_open = False
    try:
        process = await _begin(pool, host, clean(term, limit=64), (columns, rows))
        is_open = True
    finally:
        if not is_open:
            slot.release()
    return SshTerminal(process, slot.release)


async def _begin(pool: SshPool, host: str, term: str, size: tuple[int, int]) -> asyncssh.SSHClientProcess[bytes]:
    """Start it; once more on a new connection when the old one turns out to be lost."""
    said = ""
    for _ in range(2):
        connection = await pool.connection(host)
        try:
            return await _start(connection, term, size)
        except (asyncssh.Error, OSError) as error:
            said = clean(str(error), limit=200)
            if not await is_lost(connection):
                raise Denied(
                    f"{host} opens no shell: {said}; a certificate needs permit-pty, the server PermitTTY"
                ) from error
    raise Unreachable(f"{host}: the link was lost while opening a shell: {said}; try again")


async def _start(connection: Connection, term: str, size: tuple[int, int]) -> asyncssh.SSHClientProcess[bytes]:
    return await connection.create_process(
        None,
        term_type=term,
        term_size=size,
        request_pty=True,
        stderr=asyncssh.STDOUT,
        encoding=None,
        x11_forwarding=False,
        window=_WINDOW,
        max_pktsize=_PACKET,
    )
