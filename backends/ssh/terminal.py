"""An interactive shell on a machine over SSH: bytes both ways, and None for its end when the link was lost."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable
from typing import assert_never

import asyncssh

from crashcart.backends.errors import BackendError, Denied, Unreachable
from crashcart.backends.text import clean

from .pool import SshPool
from .starting import NotStarted, Process, Pty, start

_CHUNK = 1 << 16


class SshTerminal:
    """A Terminal of the contract. `let_go` is called once, when it is closed."""

    def __init__(self, process: Process, let_go: Callable[[], None]) -> None:
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
        process = await start(pool, host, None, has_input=True, pty=Pty(clean(term, limit=64), columns, rows))
        is_open = True
    except NotStarted as error:
        raise _no_shell(host, error) from error
    finally:
        if not is_open:
            slot.release()
    return SshTerminal(process, slot.release)


def _no_shell(host: str, error: NotStarted) -> BackendError:
    match error.hindrance:
        case "refused":
            return Denied(f"{host} opens no shell: {error}; a certificate needs permit-pty, the server PermitTTY")
        case "full":
            return Unreachable(f"{host} opens no shell: {error}")
        case "lost" | "silent":
            return Unreachable(f"{host}: the link was lost while opening a shell: {error}; try again")
        case _:
            assert_never(error.hindrance)
