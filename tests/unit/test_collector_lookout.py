"""Many readers that move about cost the feeds no more than one does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from crashcart.backends import wire
from crashcart.backends.contract import Feed, Interest, Pace
from crashcart.backends.model import Item
from crashcart.ops.clock import SystemClock
from crashcart.ops.lookout import Lookout
from crashcart.ops.supervisor import Supervisor


class GateClock(SystemClock):
    """Sleeps until it is let go."""

    def __init__(self) -> None:
        self.asleep = asyncio.Event()
        self._gate = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        self.asleep.set()
        await self._gate.wait()
        self._gate.clear()

    async def until_asleep(self) -> None:
        async with asyncio.timeout(5):
            await self.asleep.wait()

    def wake(self) -> None:
        self.asleep.clear()
        self._gate.set()


class NotingFeed:
    """Notes what it is told to attend to."""

    def __init__(self) -> None:
        self.attended: list[Interest] = []
        self.is_watched = asyncio.Event()

    def attend(self, interest: Interest) -> None:
        self.attended.append(interest)

    async def watch(self, pace: Pace) -> AsyncGenerator[Item, None]:
        self.is_watched.set()
        await asyncio.Event().wait()
        return
        yield

    async def close(self) -> None:
        """Nothing is held."""


def _same(feed: Feed) -> Feed:
    return feed


@asynccontextmanager
async def watching(lookout: Lookout, *clusters: str) -> AsyncIterator[list[NotingFeed]]:
    """Feeds of these clusters that run and have forgotten what they were told at their start."""
    feeds = [NotingFeed() for _ in clusters]
    tasks = [asyncio.create_task(lookout.run())]
    for cluster, feed in zip(clusters, feeds, strict=True):
        supervisor = Supervisor(
            cluster, "prometheus", partial(_same, feed),
            interval_seconds=60.0, publish=lambda item: None, report=lambda source: None, clock=SystemClock(),
        )  # fmt: skip
        lookout.add(supervisor)
        tasks.append(asyncio.create_task(supervisor.run()))
        await feed.is_watched.wait()
        feed.attended.clear()
    try:
        yield feeds
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def focus(*hosts: str, alerts: bool = False) -> wire.Focus:
    return wire.Focus(tuple(("a100", host) for host in hosts), alerts)


async def test_the_first_move_is_told_at_once_and_those_that_follow_together() -> None:
    clock = GateClock()
    lookout = Lookout(clock)
    async with watching(lookout, "a100") as (feed,):
        lookout.look_at(focus("gpu001"))
        await clock.until_asleep()
        assert feed.attended == [Interest(("gpu001",))]
        for number in range(2, 50):
            lookout.look_at(focus(f"gpu{number:03}"))
        assert len(feed.attended) == 1
        clock.wake()
        await clock.until_asleep()
        assert feed.attended[1:] == [Interest(("gpu049",))]


async def test_a_feed_whose_cluster_nobody_turned_to_is_left_alone() -> None:
    clock = GateClock()
    lookout = Lookout(clock)
    async with watching(lookout, "a100", "h100") as (a100, h100):
        lookout.look_at(focus("gpu001"))
        await clock.until_asleep()
    assert a100.attended == [Interest(("gpu001",))]
    assert h100.attended == []


async def test_what_comes_back_to_the_same_is_not_told_again() -> None:
    clock = GateClock()
    lookout = Lookout(clock)
    async with watching(lookout, "a100") as (feed,):
        lookout.look_at(focus("gpu001", alerts=True))
        await clock.until_asleep()
        lookout.look_at(focus("gpu002"))
        lookout.look_at(focus("gpu001", alerts=True))
        clock.wake()
        await clock.until_asleep()
    assert feed.attended == [Interest(("gpu001",), alerts=True)]
