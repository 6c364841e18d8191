"""Byte streams to sockets of other machines: how a cockpit reaches a collector that runs elsewhere."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


class ByteStream(Protocol):
    """An ordered stream of bytes both ways. A lost link reads as its end."""

    async def read(self) -> bytes:
        """The next bytes; b"" at the end."""
        ...

    async def write(self, data: bytes) -> None:
        """Return when more can be taken; what is written after the end is dropped, which `read` tells."""
        ...

    def close(self) -> None: ...


@runtime_checkable
class SocketOpener(Protocol):
    """A power that connects to Unix sockets on other machines, as the operator's own login there."""

    async def open_socket(self, host: str, path: str) -> ByteStream:
        """Connect to `path` on `host`. Raises BadIdentifier, Unreachable, Denied, Unsupported."""
        ...
