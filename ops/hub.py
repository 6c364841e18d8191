"""The newest picture, and readers that each hold some version of it.

Nothing is queued for a reader. The hub keeps every stream at its newest version, as a whole and as the step from the
version before; a reader that can take more gets the step when it is one behind and the whole otherwise. A stopped
reader therefore costs one listing of memory at the most and harms nobody.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable
from itertools import chain, zip_longest

import msgspec

from crashcart.backends import wire
from crashcart.backends.errors import Malformed
from crashcart.backends.model import AnyEntity, Batch, GpuColumn, GpuOwners, GpuRows, History, Item, Load

log = logging.getLogger(__name__)

StreamKey = tuple[str, str, str]  # cluster, source, what
HISTORY = "history "
BEAT: StreamKey = ("", "", "beat")

STUCK_SECONDS = 600.0
"""A reader that has not taken one frame in so long is gone: the largest, 0.4 MB, takes 5.6 minutes at 9600 baud."""

MOST_HOSTS = 16
"""Machines of one reader's focus that are passed on; a screen shows one or two."""


class Stream:
    """One part of the picture: frames are encoded once a version, not once a reader."""

    def __init__(self, whole: Callable[[], list[bytes]]) -> None:
        self.version = 0
        self._make_whole = whole
        self._whole: list[bytes] | None = None
        self._step: list[bytes] | None = None

    def advance(self, step: list[bytes] | None = None) -> None:
        """A new version exists; `step` leads to it from the one before, None means only the whole does."""
        self.version += 1
        self._whole = None
        self._step = step

    def frames(self, have: int) -> list[bytes]:
        """What a reader at version `have` needs."""
        if self._step is not None and have == self.version - 1:
            return self._step
        if self._whole is None:
            self._whole = self._make_whole()
        return self._whole


class Listing:
    """All entities of one kind from one source; knows what a new observation really changes."""

    def __init__(self) -> None:
        self.entities: dict[str, AnyEntity] = {}
        self.when = 0.0

    def step(self, batch: Batch) -> Batch:
        """Take a batch in; return what changed. An entity that differs in `when` alone has not changed."""
        self.when = batch.when
        changed: list[AnyEntity] = []
        for entity in batch.upserts:
            old = self.entities.get(entity.key)
            if old is None or msgspec.structs.replace(entity, when=old.when) != old:
                self.entities[entity.key] = entity
                changed.append(entity)
        gone = set(batch.gone) & self.entities.keys()
        if batch.complete:
            gone |= self.entities.keys() - {entity.key for entity in batch.upserts}
        for key in gone:
            del self.entities[key]
        return msgspec.structs.replace(batch, upserts=tuple(changed), gone=tuple(sorted(gone)), complete=False)


class Hub:
    """Takes items of feeds in, serves readers, and knows what all of them look at together."""

    def __init__(self, on_focus: Callable[[wire.Focus], None] = lambda focus: None) -> None:
        self._on_focus = on_focus
        self._goodbye: wire.Goodbye | None = None
        self._focuses: dict[asyncio.Event, wire.Focus] = {}  # by the reader's wake
        self._streams: dict[StreamKey, Stream] = {}
        self._listings: dict[StreamKey, Listing] = {}
        self._latest: dict[StreamKey, wire.Message] = {}
        self._wakes: set[asyncio.Event] = set()

    def publish(self, item: Item) -> None:
        """Make `item` part of the picture."""
        match item:
            case Batch():
                self._publish_batch(item)
            case GpuRows():
                self._publish_latest((item.cluster, item.source, "rows"), item)
            case GpuColumn():
                self._publish_latest((item.cluster, item.source, f"column {item.metric}"), item)
            case GpuOwners():
                self._publish_latest((item.cluster, item.source, "owners"), item)
            case History():
                self._publish_history(item)
            case Load():
                self._publish_latest((item.cluster, item.source, "load"), item)

    def publish_source(self, source: wire.Source) -> None:
        """Tell readers how a source is doing."""
        self._publish_latest((source.cluster, source.name, "source"), source)

    def beat(self, when: float) -> None:
        """Tell readers that this process runs. It follows whatever is new, so with it a first picture is whole."""
        self._publish_latest(BEAT, wire.Beat(when))

    def part(self, why: str) -> None:
        """Let every reader go, with these words."""
        self._goodbye = wire.Goodbye(why)
        self._wake()

    def _publish_latest(self, key: StreamKey, message: wire.Message) -> None:
        self._latest[key] = message
        if key not in self._streams:
            self._streams[key] = Stream(lambda: [wire.frame(self._latest[key])])
        self._streams[key].advance()
        self._wake()

    def _publish_history(self, item: History) -> None:
        """Histories come and go with what is looked at: one that nobody looks at any more is forgotten."""
        self._publish_latest((item.cluster, item.source, f"{HISTORY}{item.subject}"), item)
        looked_at = self._looked_at()
        for key in [key for key in self._streams if key[2].startswith(HISTORY)]:
            if (key[0], key[2].removeprefix(HISTORY)) not in looked_at and key[2] != f"{HISTORY}{item.subject}":
                del self._streams[key], self._latest[key]

    def _looked_at(self) -> set[tuple[str, str]]:
        focuses = self._focuses.values()
        clusters = {key[0] for key in self._streams}
        hosts = {(cluster, f"host:{host}") for focus in focuses for cluster, host in focus.hosts}
        return hosts | {(cluster, "alerts") for cluster in clusters if any(focus.alerts for focus in focuses)}

    def _publish_batch(self, batch: Batch) -> None:
        key = (batch.cluster, batch.source, batch.kind)
        first = key not in self._listings
        if first and not batch.complete:
            return  # a step before the first listing has nothing to be a step from
        listing = self._listings.setdefault(key, Listing())
        step = listing.step(batch)
        if first:
            self._streams[key] = Stream(lambda: self._whole(key, batch))
        stream = self._streams[key]
        frames = [wire.frame(part) for part in wire.slices(step, stream.version + 1)]
        stream.advance(None if first else frames)
        self._wake()

    def _whole(self, key: StreamKey, like: Batch) -> list[bytes]:
        listing = self._listings[key]
        whole = msgspec.structs.replace(
            like, upserts=tuple(listing.entities.values()), gone=(), complete=True, when=listing.when
        )
        return [wire.frame(part) for part in wire.slices(whole, self._streams[key].version)]

    def _wake(self) -> None:
        for wake in self._wakes:
            wake.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one reader, whose hello was heard, until it closes its side, talks nonsense or is let go."""
        have: dict[StreamKey, tuple[Stream, int]] = {}
        wake = asyncio.Event()
        self._wakes.add(wake)
        writer.transport.set_write_buffer_limits(high=0)  # drain() returns when the kernel has the frame
        gone = asyncio.create_task(self._listen(reader, wake), name="reader gone")
        try:
            while not gone.done() and self._goodbye is None:
                wake.clear()
                await self._send_news(have, writer)
                await _first_of(wake, gone)
            last = gone.result() if gone.done() else self._goodbye
            if last is not None:
                await _send(writer, wire.frame(last))
            writer.close()
        except (ConnectionError, TimeoutError):
            pass
        finally:
            self._wakes.discard(wake)
            gone.cancel()
            if not writer.is_closing():
                writer.transport.abort()  # what it has not taken it never will
            if self._focuses.pop(wake, None) is not None:
                self._on_focus(self.focus)

    @property
    def focus(self) -> wire.Focus:
        """What all readers look at together, theirs in turn: who looks at much does not push others out."""
        focuses = self._focuses.values()
        turns = zip_longest(*(focus.hosts[:MOST_HOSTS] for focus in focuses))
        hosts = dict.fromkeys(host for host in chain.from_iterable(turns) if host is not None)
        return wire.Focus(tuple(hosts), any(focus.alerts for focus in focuses))

    async def _listen(self, reader: asyncio.StreamReader, wake: asyncio.Event) -> wire.Goodbye | None:
        """Take in what a reader looks at until it is gone; when it talks nonsense, return what to say to it."""
        try:
            async for focus in wire.wishes(reader):
                before, self._focuses[wake] = self.focus, focus
                if self.focus != before:
                    self._on_focus(self.focus)
        except Malformed as error:
            log.warning("reader.nonsense %s", error)
            return wire.Goodbye(f"the collector did not understand what was sent: {error}")
        return None

    async def _send_news(self, have: dict[StreamKey, tuple[Stream, int]], writer: asyncio.StreamWriter) -> None:
        for key in have.keys() - self._streams.keys():
            del have[key]
        for key, stream in _beat_last(self._streams.items()):
            held, version = have.get(key, (stream, 0))
            version = version if held is stream else 0  # forgotten meanwhile, and begun anew
            if version == stream.version:
                continue
            frames = stream.frames(version)
            have[key] = (stream, stream.version)
            for frame in frames:
                await _send(writer, frame)


def _beat_last(streams: Iterable[tuple[StreamKey, Stream]]) -> list[tuple[StreamKey, Stream]]:
    return sorted(streams, key=lambda item: item[0] == BEAT)


async def _send(writer: asyncio.StreamWriter, frame: bytes) -> None:
    """Return when the kernel has the frame. Raises ConnectionError, and TimeoutError when nobody takes it."""
    writer.write(frame)
    async with asyncio.timeout(STUCK_SECONDS):
        await writer.drain()


async def _first_of(wake: asyncio.Event, gone: asyncio.Task[wire.Goodbye | None]) -> None:
    waiter = asyncio.create_task(wake.wait(), name="news")
    try:
        await asyncio.wait({waiter, gone}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiter.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await waiter
