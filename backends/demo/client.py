"""The link of a feed or of powers to the simulated cluster, which is started when nobody runs it yet."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TypeVar

import msgspec

from crashcart.backends.errors import Malformed, Unreachable
from crashcart.backends.text import clean

from .options import Options
from .place import socket_path
from .protocol import HEAD, REPLY_LIMIT, Reply, Request, decode_reply, packed

T = TypeVar("T")

START_SECONDS = 15.0
RETRY_SECONDS = 0.02
ANSWER_SECONDS = 20.0
READ_LIMIT = 1 << 22


class AnswerLost(Unreachable):
    """The question was sent and no answer came: what was asked for may or may not have happened."""


class WorldLink:
    """One connection, made when it is first needed and again after it was lost."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._turn = asyncio.Lock()
        self.answer_bytes = 0  # size of the last answer

    async def ask(self, request: Request, answer: type[T], *, timeout: float = ANSWER_SECONDS) -> T:  # noqa: ASYNC109
        """The answer to one question. Raises Unreachable before it was sent, AnswerLost after, Malformed."""
        async with self._turn:
            if self._streams is None:
                self._streams = await self._connect()
            reader, writer = self._streams
            is_answered = False
            try:
                async with asyncio.timeout(timeout):
                    reply, self.answer_bytes = await _exchange(reader, writer, packed(request))
                is_answered = True
            except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
                raise AnswerLost("the simulated cluster went away in the middle of an answer") from error
            finally:
                if not is_answered:  # also when cancelled: a late answer must not be taken for the next one
                    self._drop()
        if not isinstance(reply, answer):
            raise Malformed(f"the simulated cluster answered {type(request).__name__} with {type(reply).__name__}")
        return reply

    async def close(self) -> None:
        """Let go of the connection; may be called twice."""
        if self._streams is not None:
            _, writer = self._streams
            self._drop()
            try:
                await writer.wait_closed()
            except OSError:
                return

    def _drop(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        path = await asyncio.to_thread(socket_path, self._options)
        try:
            async with asyncio.timeout(START_SECONDS):
                while True:
                    try:
                        return await asyncio.open_unix_connection(path, limit=READ_LIMIT)
                    except (FileNotFoundError, ConnectionRefusedError):
                        await _start(path, self._options)
                        await asyncio.sleep(RETRY_SECONDS)
        except TimeoutError as error:
            raise Unreachable(f"the simulated cluster did not come up within {START_SECONDS:.0f} s") from error
        except OSError as error:
            raise Unreachable(f"cannot reach the simulated cluster at {path}: {error.strerror}") from error


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, question: bytes) -> tuple[Reply, int]:
    """The answer, and how many bytes it was."""
    writer.write(question)
    await writer.drain()
    (size,) = HEAD.unpack(await reader.readexactly(HEAD.size))
    if size > REPLY_LIMIT:
        raise Malformed(f"answer of {size} bytes; remove the socket, something else listens there")
    body = await reader.readexactly(size)
    try:
        reply: Reply = decode_reply(body)
    except msgspec.DecodeError as error:
        raise Malformed(
            f"answer of the simulated cluster not understood: {error}; is an older version running?"
        ) from error
    return reply, size


async def _start(path: Path, options: Options) -> None:
    """Run the starter; it returns when the socket answers, or when another starter was quicker."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "crashcart.backends.demo.world",
        *("--socket", os.fspath(path)),
        *("--nodes", str(options.nodes)),
        *("--gpus", str(options.gpus_per_node)),
        *("--seed", str(options.seed)),
        *("--faults", options.faults),
        *("--linger", str(options.linger_seconds)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        cwd=path.parent,
        start_new_session=True,
    )
    try:
        _, said = await process.communicate()
    finally:
        if process.returncode is None:  # cancelled: whoever comes next starts it again
            process.kill()
            await process.wait()
    if process.returncode != 0:
        last = said.strip().rsplit(b"\n", 1)[-1]
        raise Unreachable(f"the simulated cluster did not start: {clean(last, limit=200)}")
