"""Runs argument lists on this machine; how a command ended is a value, not an exception."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence

from .contract import CommandResult
from .errors import Unreachable
from .text import clean

LONGEST_ARGUMENT = 4096
_CHUNK = 1 << 16


class LocalRunner:
    """A CommandRunner for this machine. Commands get a process group of their own and never our terminal."""

    where = "local"

    async def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float,  # noqa: ASYNC109 - part of the contract
        env: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
        limit: int = 64 << 20,
    ) -> CommandResult:
        """Run `argv`; see the contract. Raises Unreachable when the program is not there."""
        if any("\0" in argument or len(argument) > LONGEST_ARGUMENT for argument in argv):
            return CommandResult("not_sent", None, detail="an argument holds a NUL or is too long")
        try:
            process = await _start(argv, {**os.environ, "LC_ALL": "C", **(env or {})}, has_input=stdin is not None)
        except FileNotFoundError as error:
            raise Unreachable(
                f"{argv[0]} is not on this machine; install it, or reach it with via = ssh:HOST"
            ) from error
        except ValueError as error:  # a lone surrogate in an argument, a NUL in the environment
            return CommandResult("not_sent", None, detail=f"{clean(argv[0], limit=80)} cannot be called so: {error}")
        except OSError as error:
            raise Unreachable(f"{argv[0]} cannot be started: {error.strerror or error}") from error
        try:
            return await _finish(process, argv[0], timeout, stdin, limit)
        finally:
            if process.returncode is None:
                await _end(process)


async def _start(argv: Sequence[str], env: Mapping[str, str], *, has_input: bool) -> asyncio.subprocess.Process:
    """Start it in a group of its own. When cancelled meanwhile, end the group: asyncio would end its leader alone."""
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.PIPE if has_input else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=env,
            start_new_session=True,
        )
    )
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        with contextlib.suppress(OSError, ValueError):
            await _end(await starting)
        raise


async def _finish(
    process: asyncio.subprocess.Process, name: str, seconds: float, stdin: bytes | None, limit: int
) -> CommandResult:
    try:
        async with asyncio.timeout(seconds):
            (stdout, cut_out), (stderr, cut_err), _ = await asyncio.gather(
                _read(process.stdout, limit), _read(process.stderr, limit), _feed(process, stdin)
            )
            status = await process.wait()
    except TimeoutError:
        return CommandResult(
            "unknown", None, detail=f"{name} gave no answer within {seconds:g} s; it may have had effect"
        )
    cut = cut_out or cut_err
    if status < 0:
        said = f"{name} was ended by signal {-status}"
        return CommandResult("unknown", None, stdout, stderr, said, cut)
    detail = "" if status == 0 else clean(stderr or stdout, limit=500).strip("␊ ")
    return CommandResult("ok" if status == 0 else "failed", status, stdout, stderr, detail, cut)


async def _read(stream: asyncio.StreamReader | None, limit: int) -> tuple[bytes, bool]:
    """Read to the end and keep the first `limit` bytes: a program that is not read would wait for ever."""
    assert stream is not None  # noqa: S101 - both streams are pipes
    kept = bytearray()
    cut = False
    while chunk := await stream.read(_CHUNK):
        room = limit - len(kept)
        kept += chunk[:room]
        cut |= len(chunk) > room
    return bytes(kept), cut


async def _feed(process: asyncio.subprocess.Process, data: bytes | None) -> None:
    if process.stdin is None or data is None:
        return
    with contextlib.suppress(ConnectionError):
        process.stdin.write(data)
        await process.stdin.drain()
    process.stdin.close()


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    ended = asyncio.ensure_future(process.wait())
    try:
        await asyncio.shield(ended)
    except asyncio.CancelledError:
        await ended  # it is killed, so this is short; left alone, its pipes would outlive the loop
        raise
