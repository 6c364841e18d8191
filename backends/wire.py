"""Frames from collector to cockpit: u32 little-endian length, then one msgpack value, a tagged struct.

A full listing is cut at `ROWS` entities a frame between `begin` and `end`, so that no frame is a stall of the reader's
loop; numbers are float32 bytes that the reader takes as a memoryview without copying. Both sides say Hello before
anything else, and Hello and Goodbye keep their shape in every protocol, so that two versions can always part in words.
"""

from __future__ import annotations

import asyncio
import hashlib
import struct
import sys
from collections.abc import AsyncGenerator, Callable, Iterator
from functools import cache
from typing import Any, Literal, get_origin

import msgspec

from . import entity, model, pods
from .entity import Kind
from .errors import Malformed
from .model import AnyEntity, Batch, GpuColumn, GpuOwners, GpuRows, History, Load

PROTOCOL = 3
_HEAD = struct.Struct("<I")
LIMIT = 64 << 20
ROWS = 500  # entities a frame; 500 structs decode in about 1 ms


class Hello(msgspec.Struct, frozen=True, array_like=True, tag="hello"):
    """First frame of either side. `shape` tells builds apart whose frames differ although their protocol does not."""

    protocol: int
    pid: int
    version: str
    shape: str = ""


class Goodbye(msgspec.Struct, frozen=True, array_like=True, tag="goodbye"):
    """Last frame of a collector: why it parts. After a refusal it is no use to come back soon."""

    why: str
    is_refusal: bool = False


class Source(msgspec.Struct, frozen=True, array_like=True, tag="source"):
    """How a source is doing. `last_success` is when its last good observation was true."""

    cluster: str
    name: str
    state: Literal["starting", "live", "late", "down", "denied"]
    interval_seconds: float
    last_success: float | None
    failures: int
    detail: str


class Slice(msgspec.Struct, frozen=True, array_like=True, tag="slice"):
    """Part of a batch. A listing replaces the old one only when its `end` has come: a half listing is no picture.

    A slice that is not `complete` is the step from the version before; when its `end` has come, `when` confirms every
    entity of this kind and source.
    """

    source: str
    cluster: str
    kind: Kind
    version: int
    when: float
    begin: bool
    end: bool
    complete: bool
    upserts: tuple[AnyEntity, ...]
    gone: tuple[str, ...]


class Beat(msgspec.Struct, frozen=True, array_like=True, tag="beat"):
    """Sent every second: the collector's loop runs. Without it a quiet cluster and a frozen collector look alike."""

    when: float


class Focus(msgspec.Struct, frozen=True, array_like=True, tag="focus"):
    """What a reader has on its screen in detail: (cluster, host) pairs, and alerts; all it says after hello."""

    hosts: tuple[tuple[str, str], ...] = ()
    alerts: bool = False


Message = Hello | Goodbye | Source | Slice | GpuRows | GpuColumn | GpuOwners | History | Load | Beat

FOCUS_LIMIT = 1 << 16
HELLO_LIMIT = 1 << 12
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Message).decode
_decode_focus = msgspec.msgpack.Decoder(Focus).decode
_decode_hello = msgspec.msgpack.Decoder(Hello | Goodbye).decode


def frame(message: Message | Focus) -> bytes:
    """The bytes of one message on the wire."""
    body = _encode(message)
    return _HEAD.pack(len(body)) + body


def slices(batch: Batch, version: int) -> Iterator[Slice]:
    """Cut a batch into frames' worth; an empty batch is one empty slice."""
    count = len(batch.upserts)
    for start in range(0, max(1, count), ROWS):
        yield Slice(
            source=batch.source,
            cluster=batch.cluster,
            kind=batch.kind,
            version=version,
            when=batch.when,
            begin=start == 0,
            end=start + ROWS >= count,
            complete=batch.complete,
            upserts=batch.upserts[start : start + ROWS],
            gone=batch.gone if start == 0 else (),
        )


@cache
def shape() -> str:
    """Eight hex digits that change with the fields of anything that crosses the wire."""
    said = [
        f"{name} {value!r}" if get_origin(value) is Literal else f"{name} {value.__annotations__}"
        for module in (entity, model, pods, sys.modules[__name__])
        for name, value in sorted(vars(module).items())
        if get_origin(value) is Literal or (isinstance(value, type) and issubclass(value, msgspec.Struct))
    ]
    return hashlib.sha256("\n".join(said).encode()).hexdigest()[:8]


async def first_word(reader: asyncio.StreamReader) -> Hello | Goodbye | None:
    """The first frame of the other side, whichever protocol it speaks; None when it closes without one.

    Raises Malformed when that is no frame of ours.
    """
    body = await _body(reader, HELLO_LIMIT)
    word: Hello | Goodbye | None = None if body is None else _decoded(_decode_hello, body)
    return word


async def messages(reader: asyncio.StreamReader) -> AsyncGenerator[Message, None]:
    """Yield messages until the other side closes. Raises Malformed on anything that is not a frame of ours."""
    while (body := await _body(reader, LIMIT)) is not None:
        yield _decoded(_decode, body)
        await asyncio.sleep(0)  # readexactly does not yield while bytes are buffered


async def wishes(reader: asyncio.StreamReader) -> AsyncGenerator[Focus, None]:
    """Yield what a reader looks at until it closes. Raises Malformed like `messages`."""
    while (body := await _body(reader, FOCUS_LIMIT)) is not None:
        yield _decoded(_decode_focus, body)


async def _body(reader: asyncio.StreamReader, limit: int) -> bytes | None:
    """The next frame without its length; None at the end."""
    try:
        (size,) = _HEAD.unpack(await reader.readexactly(_HEAD.size))
        if size > limit:
            raise Malformed(f"frame of {size} bytes; the other side does not speak our protocol")
        return await reader.readexactly(size)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


def _decoded(decode: Callable[[bytes], Any], body: bytes) -> Any:
    try:
        return decode(body)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise Malformed(f"frame of the wrong shape: {error}") from error
