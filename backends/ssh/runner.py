"""Runs argument lists on a machine over SSH. What was sent and brought no exit status is `unknown`, never a success.

The far side hands one string to the login shell, so this module holds the only function that makes such a string.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import shlex
from collections.abc import Mapping, Sequence

import asyncssh

from crashcart.backends.contract import CommandResult
from crashcart.backends.errors import Unreachable
from crashcart.backends.text import clean, node_name

from .pool import SshPool
from .starting import NotStarted, Process, start

LONGEST_ARGUMENT = 4096
LONGEST_LINE = 100 << 10  # Linux starts no program with an argument over 128 KiB, and the line is one argument
_CHUNK = 1 << 16
_PROGRAM = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./+-]*\Z")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}\Z")


def command_line(argv: Sequence[str], env: Mapping[str, str] | None = None) -> str:
    """`argv` as one line for a POSIX shell, variables in front through `env`. Raises ValueError with what is wrong."""
    if not argv or not _PROGRAM.match(argv[0]):
        raise ValueError(f"{clean(argv[0] if argv else '', limit=80)!r} is not a program's name")
    for name in env or ():
        if not _VARIABLE.match(name):
            raise ValueError(f"{clean(name, limit=80)!r} is not a variable's name")
    words = [*(("env", *(f"{name}={value}" for name, value in env.items())) if env else ()), *argv]
    if any("\0" in word or len(word.encode("utf-8", "surrogatepass")) > LONGEST_ARGUMENT for word in words):
        raise ValueError(f"an argument holds a NUL or is longer than {LONGEST_ARGUMENT} bytes")
    line = shlex.join(words)
    if len(line.encode()) > LONGEST_LINE:  # a lone surrogate is a ValueError too
        raise ValueError(f"the command is longer than {LONGEST_LINE >> 10} KiB")
    return line


class SshRunner:
    """A CommandRunner for one host."""

    def __init__(self, pool: SshPool, host: str) -> None:
        """Raises BadIdentifier."""
        self._pool = pool
        self._host = node_name(host)

    @property
    def where(self) -> str:
        return f"ssh:{self._host}"

    async def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float,  # noqa: ASYNC109 - part of the contract
        env: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
        limit: int = 64 << 20,
    ) -> CommandResult:
        """Run `argv`; see the contract. Raises Unreachable, Denied, Unsupported before anything was sent."""
        try:
            line = command_line(argv, env)
        except ValueError as error:
            return _not_sent(str(error))
        ends = asyncio.get_running_loop().time() + timeout
        await self._reach(ends, timeout)
        slot = self._pool.slots(self._host)
        try:
            async with asyncio.timeout_at(ends):
                await slot.acquire()
        except TimeoutError:
            return _not_sent(f"{self._pool.options.sessions_per_host} sessions on {self._host} left no room")
        try:
            process = await start(self._pool, self._host, line, has_input=stdin is not None, ends=ends)
            return await _finish(process, f"{argv[0]} on {self._host}", stdin, limit, ends)
        except NotStarted as error:
            return self._not_started(error)
        finally:
            slot.release()

    async def _reach(self, ends: float, seconds: float) -> None:
        try:
            async with asyncio.timeout_at(ends):
                await self._pool.connection(self._host)
        except TimeoutError as error:
            raise Unreachable(f"{self._host} was not reached within {seconds:g} s") from error

    def _not_started(self, error: NotStarted) -> CommandResult:
        if not error.was_sent:
            return _not_sent(f"{self._host} starts no command: {error}")
        if error.hindrance == "lost":
            return CommandResult("unknown", None, detail=f"the link was lost ({error}); the command may have run")
        return CommandResult("unknown", None, detail=f"{self._host} gave {error}; the command may have run")


async def _finish(process: Process, name: str, stdin: bytes | None, limit: int, ends: float) -> CommandResult:
    out, err = _Kept(limit), _Kept(limit)
    why = "the link was lost; the command may have run"
    try:
        async with asyncio.timeout_at(ends):
            await asyncio.gather(out.read(process.stdout), err.read(process.stderr), _feed(process, stdin))
            await process.wait_closed()
    except TimeoutError:
        why = f"{name} did not end in time; it was asked to stop, and may go on for all that"
        with contextlib.suppress(OSError):
            process.terminate()
    finally:
        process.channel.abort()
    cut = out.is_cut or err.is_cut
    stdout, stderr = bytes(out.kept), bytes(err.kept)
    if process.exit_signal is not None:
        ended = f"{name} was ended by signal {clean(process.exit_signal[0], limit=20)}"
        return CommandResult("unknown", None, stdout, stderr, ended, cut)
    status = process.exit_status
    if status is None:
        return CommandResult("unknown", None, stdout, stderr, why, cut)
    detail = "" if status == 0 else clean(stderr or stdout, limit=500).strip("␊ ")
    return CommandResult("ok" if status == 0 else "failed", status, stdout, stderr, detail, cut)


class _Kept:
    """The first bytes of a stream. The rest is read and dropped: a program that is not read would wait for ever."""

    def __init__(self, limit: int) -> None:
        self.kept = bytearray()
        self.is_cut = False
        self._limit = limit

    async def read(self, stream: asyncssh.SSHReader[bytes]) -> None:
        with contextlib.suppress(asyncssh.Error, OSError):  # a lost link shows as a missing exit status
            while chunk := await stream.read(_CHUNK):
                room = self._limit - len(self.kept)
                self.kept += chunk[:room]
                self.is_cut |= len(chunk) > room


async def _feed(process: Process, data: bytes | None) -> None:
    if data is None:
        return
    with contextlib.suppress(asyncssh.Error, OSError):
        process.stdin.write(data)
        await process.stdin.drain()
        process.stdin.write_eof()


def _not_sent(why: str) -> CommandResult:
    return CommandResult("not_sent", None, detail=why)
