"""Two versions that meet say so in one sentence, the same on both sides, and show no garbage."""

from __future__ import annotations

import asyncio
import socket
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import msgspec
import pytest

from crashcart.backends import wire
from crashcart.backends.errors import Denied, Malformed, Unreachable, Unsupported
from crashcart.ops.greeting import introduce, mismatch, our_hello, receive

WHERE = "the collector at /run/c.sock"

Ends = tuple[StreamReader, StreamWriter]


@asynccontextmanager
async def pair() -> AsyncIterator[tuple[Ends, Ends]]:
    one, two = socket.socketpair()
    ends = await asyncio.open_unix_connection(sock=one), await asyncio.open_unix_connection(sock=two)
    try:
        async with asyncio.timeout(5):
            yield ends
    finally:
        for _, writer in ends:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


def hello(protocol: int = wire.PROTOCOL, version: str = "0.1.0", shape: str | None = None) -> wire.Hello:
    return wire.Hello(protocol, 1, version, wire.shape() if shape is None else shape)


async def test_two_of_the_same_version_hear_each_other() -> None:
    async with pair() as (cockpit, collector):
        at_collector, at_cockpit = await asyncio.gather(receive(*collector, WHERE), introduce(*cockpit, WHERE))
    assert at_collector == at_cockpit == our_hello()


def test_the_older_side_is_named_with_both_protocols_and_versions() -> None:
    assert mismatch(hello(2, "0.1.0"), hello(3, "0.2.0"), WHERE) == (
        "the collector at /run/c.sock speaks protocol 2 of crashcart 0.1.0, this cockpit 3 of 0.2.0: "
        "update that collector, then start it again"
    )
    assert "update this cockpit" in (mismatch(hello(3, "0.2.0"), hello(2), WHERE) or "")


def test_builds_whose_frames_differ_do_not_talk_although_they_call_themselves_alike() -> None:
    said = mismatch(hello(shape="aaaa"), hello(shape="bbbb"), WHERE)
    assert said is not None
    assert "same one on both sides" in said


async def test_a_cockpit_of_another_protocol_is_told_by_the_collector() -> None:
    async with pair() as (cockpit, collector):
        reader, writer = cockpit
        writer.write(wire.frame(hello(wire.PROTOCOL + 1, "9.9.9")))
        with pytest.raises(
            Unsupported, match=f"protocol {wire.PROTOCOL} .*cockpit {wire.PROTOCOL + 1} of 9.9.9"
        ) as why:
            await receive(*collector, WHERE)
        assert await wire.first_word(reader) == our_hello()
        told = await wire.first_word(reader)
    assert told == wire.Goodbye(str(why.value), is_refusal=True)


async def test_a_cockpit_tells_itself_when_the_collector_is_of_another_protocol() -> None:
    async with pair() as (cockpit, (_, writer)):
        writer.write(wire.frame(hello(wire.PROTOCOL - 1, "0.0.9")) + b"what that protocol says next")
        with pytest.raises(Unsupported, match="update that collector"):
            await introduce(*cockpit, WHERE)


async def test_a_hello_of_the_future_with_more_in_it_is_still_a_hello() -> None:
    async with pair() as (cockpit, (_, writer)):
        body = msgspec.msgpack.encode(["hello", 99, 1, "7.0", "cafe", "more", {"and": "more"}])
        writer.write(len(body).to_bytes(4, "little") + body)
        with pytest.raises(Unsupported, match=r"protocol 99 of crashcart 7\.0"):
            await introduce(*cockpit, WHERE)


async def test_a_version_cannot_write_on_the_terminal() -> None:
    said = mismatch(hello(1, "\x1b]0;owned\x07" + 500 * "9"), hello(), WHERE)
    assert said is not None
    assert said.isprintable()
    assert len(said) < 250


@pytest.mark.parametrize(
    "data",
    [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\xff\xff\xff\x7f", b"\0\0\0\0", wire.frame(wire.Focus()),
     wire.frame(wire.Goodbye("bye"))],
    ids=["http", "a length of 2 GB", "nothing", "a focus first", "a goodbye first"],
)  # fmt: skip
async def test_a_collector_refuses_whoever_does_not_begin_with_hello(data: bytes) -> None:
    async with pair() as ((_, writer), collector):
        writer.write(data)
        with pytest.raises(Malformed):
            await receive(*collector, WHERE)


async def test_a_reader_that_goes_away_without_a_word_is_no_error_of_ours() -> None:
    async with pair() as ((_, writer), collector):
        writer.close()
        with pytest.raises(Unreachable):
            await receive(*collector, WHERE)


@pytest.mark.parametrize(("is_refusal", "error"), [(True, Denied), (False, Unreachable)])
async def test_a_goodbye_in_place_of_hello_is_the_reason(is_refusal: bool, error: type[Exception]) -> None:
    async with pair() as (cockpit, (_, writer)):
        writer.write(wire.frame(wire.Goodbye("login1 refuses\x1b[2J you", is_refusal)))
        with pytest.raises(error, match="login1 refuses") as why:
            await introduce(*cockpit, WHERE)
    assert str(why.value).isprintable()


async def test_a_banner_before_the_first_frame_is_malformed_and_never_read_as_a_size() -> None:
    async with pair() as (cockpit, (_, writer)):
        writer.write(b"Last login: Tue Nov 24 03:00:00\r\n")
        with pytest.raises(Malformed, match="protocol"):
            await introduce(*cockpit, WHERE)
