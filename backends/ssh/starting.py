"""Starts programs and shells on a machine: at most once, never after it was given up, and on a link that has room."""

from __future__ import annotations

import asyncio
from typing import Literal, NamedTuple

import asyncssh
from asyncssh.channel import SSHChannel

from crashcart.backends.errors import Unreachable
from crashcart.backends.text import clean

from .pool import MOST_LINKS, Connection, SshPool, is_lost

_PTY_WINDOW = 1 << 15  # bytes under way: what still comes after Ctrl-C
_PTY_PACKET = 1 << 13

SETTLE_SECONDS = 0.1
"""A server counts a session a moment longer than it lasts: a link that is full is asked once more before another is
opened.
"""

Process = asyncssh.SSHClientProcess[bytes]


class Pty(NamedTuple):
    """The terminal that a shell gets."""

    term: str
    columns: int
    rows: int


Hindrance = Literal["full", "refused", "lost", "silent"]
"""No link has a session left; the server said no to it; the link is gone; there was no answer in time."""


class NotStarted(Exception):
    """It does not run, unless `was_sent`: then it may."""

    def __init__(self, why: str, hindrance: Hindrance, *, was_sent: bool = False) -> None:
        super().__init__(why)
        self.hindrance = hindrance
        self.was_sent = was_sent


async def start(
    pool: SshPool, host: str, line: str | None, *, has_input: bool, pty: Pty | None = None, ends: float | None = None
) -> Process:
    """Start `line`, or a login shell, before the loop's time is `ends`.

    Once more on a new link when the old one was lost, and on other links when one has no session left, as long as
    nothing was sent. Raises NotStarted, and what `SshPool.connection` raises.
    """
    losses = 0
    why = ""
    refused_by: Connection | None = None
    for _ in range(2 * MOST_LINKS + 1):
        connection = await _connection(pool, host, ends)
        attempt = _Attempt()
        try:
            async with asyncio.timeout_at(ends):
                return await attempt.run(connection, line, has_input, pty)
        except TimeoutError as error:
            raise NotStarted("no answer in time", "silent", was_sent=attempt.is_open) from error
        except (asyncssh.Error, OSError) as error:
            why, lost = clean(str(error), limit=200), await is_lost(connection)
            if attempt.is_open and isinstance(error, asyncssh.ChannelOpenError) and not lost:
                raise NotStarted(why, "refused") from error
            if attempt.is_open:
                raise NotStarted(why, "lost", was_sent=True) from error
        losses += lost
        if losses > 1:
            raise NotStarted(why, "lost")
        if lost:
            continue
        if connection is refused_by:
            pool.turn_from(host, connection)
        else:
            refused_by = connection
            await asyncio.sleep(SETTLE_SECONDS)
    raise NotStarted(f"{why}; is it out of sessions (MaxSessions), with commands that never end?", "full")


async def _connection(pool: SshPool, host: str, ends: float | None) -> Connection:
    try:
        async with asyncio.timeout_at(ends):
            return await pool.connection(host)
    except TimeoutError as error:
        raise Unreachable(f"{host} was not reached in time") from error


class _Attempt:
    """One attempt on one link. Nothing was sent before `is_open`."""

    def __init__(self) -> None:
        self.is_open = False
        self._is_given_up = False
        self._channel: SSHChannel[bytes] | None = None

    async def run(self, connection: Connection, line: str | None, has_input: bool, pty: Pty | None) -> Process:
        """Open a session and start `line` in it. Cancelled, it sends nothing more and closes the session."""
        opening = asyncio.create_task(self._open(connection, line, pty), name="ssh session")
        opening.add_done_callback(_looked_at)
        try:
            process = await asyncio.shield(opening)  # cancelled itself, asyncssh would leave the session open for good
            await process.redirect(
                stdin=None if has_input else asyncssh.DEVNULL, stderr=asyncssh.STDOUT if pty is not None else None
            )
        except asyncio.CancelledError:
            self._is_given_up = True
            if self._channel is not None:
                self._channel.abort()
            raise
        return process

    def opened(self, channel: SSHChannel[bytes]) -> None:
        """The session is there and the command is about to be sent. Raises ChannelOpenError when nobody wants it."""
        if self._is_given_up:
            channel.abort()
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, "given up")
        self._channel = channel
        self.is_open = True

    async def _open(self, connection: Connection, line: str | None, pty: Pty | None) -> Process:
        session = _Session(self)
        if pty is None:
            await connection.create_session(
                lambda: session, line, encoding=None, request_pty=False, x11_forwarding=False
            )  # bytes: one that is no UTF-8 would end the connection
        else:
            await connection.create_session(
                lambda: session,
                line,
                encoding=None,
                request_pty=True,
                term_type=pty.term,
                term_size=(pty.columns, pty.rows),
                x11_forwarding=False,
                window=_PTY_WINDOW,
                max_pktsize=_PTY_PACKET,
            )
        return session


class _Session(asyncssh.SSHClientProcess[bytes]):
    """A process that tells its attempt of the moment between opening and sending."""

    def __init__(self, attempt: _Attempt) -> None:
        super().__init__()
        self._attempt = attempt

    def connection_made(self, chan: SSHChannel[bytes]) -> None:
        super().connection_made(chan)
        self._attempt.opened(chan)


def _looked_at(opening: asyncio.Task[Process]) -> None:
    """Look at the error: after giving up nobody else does."""
    if not opening.cancelled():
        opening.exception()
