"""Collector and cockpit say hello before anything else, and part in words when they are of different versions."""

from __future__ import annotations

import asyncio
import os
from importlib.metadata import version

from crashcart.backends import wire
from crashcart.backends.errors import BackendError, Denied, Malformed, Unreachable, Unsupported
from crashcart.backends.text import clean

LONGEST_WORDS = 400


def our_hello() -> wire.Hello:
    """What this process says first."""
    return wire.Hello(wire.PROTOCOL, os.getpid(), version("crashcart"), wire.shape())


def mismatch(collector: wire.Hello, cockpit: wire.Hello, where: str) -> str | None:
    """Why these two cannot talk, in words that are the same on both sides; None when they can."""
    if (collector.protocol, collector.shape) == (cockpit.protocol, cockpit.shape):
        return None
    there, here = clean(collector.version, limit=40), clean(cockpit.version, limit=40)
    if collector.protocol == cockpit.protocol:
        return (
            f"{where} is another build of crashcart ({there}) than this cockpit ({here}), and their frames differ: "
            "install the same one on both sides"
        )
    older = "this cockpit" if cockpit.protocol < collector.protocol else "that collector"
    return (
        f"{where} speaks protocol {collector.protocol} of crashcart {there}, "
        f"this cockpit {cockpit.protocol} of {here}: update {older}, then start it again"
    )


async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, where: str) -> wire.Hello:
    """The collector's side; return what the reader said. `where` is how the reader's operator would call us.

    Raises Unsupported after telling a reader of another version why, and Malformed or Unreachable.
    """
    ours = our_hello()
    writer.write(wire.frame(ours))
    theirs = await wire.first_word(reader)
    if theirs is None:
        raise Unreachable("it went away without a hello")
    if isinstance(theirs, wire.Goodbye):
        raise Malformed("a reader says hello first")
    why = mismatch(ours, theirs, where)
    if why is not None:
        writer.write(wire.frame(wire.Goodbye(why, is_refusal=True)))
        raise Unsupported(why)
    return theirs


async def introduce(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, where: str) -> wire.Hello:
    """The cockpit's side; return what the collector said. Raises Unsupported, Denied, Unreachable, Malformed."""
    ours = our_hello()
    writer.write(wire.frame(ours))
    theirs = await wire.first_word(reader)
    if theirs is None:
        raise Unreachable(f"{where} closed the connection without a word; it is tried again")
    if isinstance(theirs, wire.Goodbye):
        raise parted(theirs)
    why = mismatch(theirs, ours, where)
    if why is not None:
        raise Unsupported(why)
    return theirs


def parted(goodbye: wire.Goodbye) -> BackendError:
    """The error that a collector's last words mean: Denied when it is no use to come back soon."""
    why = clean(goodbye.why, limit=LONGEST_WORDS)
    return Denied(why) if goodbye.is_refusal else Unreachable(why)
