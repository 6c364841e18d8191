"""Where an executor's answers go; the other side may be gone at any moment, which must hurt nothing."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Protocol

from .protocol import Reply, encode_line


class Replies(Protocol):
    """Takes replies. `flush` waits until the reader has kept up, for those who produce without end."""

    def __call__(self, reply: Reply, /) -> None: ...

    async def flush(self) -> None: ...


class LineReplies:
    """Replies as JSON lines on a stream; after the reader has gone they are dropped."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    def __call__(self, reply: Reply, /) -> None:
        if not self._writer.is_closing():
            self._writer.write(encode_line(reply) + b"\n")

    async def flush(self) -> None:
        with suppress(ConnectionError):
            await self._writer.drain()
