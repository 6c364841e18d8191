"""The supervisor tells the truth about a feed, retries with backoff, and one bad feed never ends it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator

import pytest

from crashcart.backends import wire
from crashcart.backends.contract import Pace
from crashcart.backends.errors import Denied, Malformed, Unreachable
from crashcart.backends.model import Item
from crashcart.ops.pace import LONGEST_BACKOFF_SECONDS, IntervalPace, backoff_seconds
from crashcart.ops.supervisor import Supervisor
from tests.entities import listing, node


class HandClock:
    """Time that moves only when somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.seconds

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds
        await asyncio.sleep(0)


class ScriptedFeed:
    """A feed that plays a script: listings are yielded, errors raised."""

    def __init__(self, script: list[Item | Exception], clock: HandClock) -> None:
        self.script = script
        self.clock = clock
        self.closed = 0
        self.played = asyncio.Event()

    async def watch(self, pace: Pace) -> AsyncGenerator[Item, None]:
        while self.script:
            await pace.turn()
            step = self.script.pop(0)
            if isinstance(step, Exception):
                raise step
            yield step
        self.played.set()
        await asyncio.Event().wait()

    async def close(self) -> None:
        self.closed += 1


async def run(script: list[Item | Exception]) -> tuple[list[wire.Source], list[Item], HandClock, ScriptedFeed]:
    clock = HandClock()
    feed = ScriptedFeed(script, clock)
    told: list[wire.Source] = []
    published: list[Item] = []
    supervisor = Supervisor(
        "a100", "slurm", lambda: feed, interval_seconds=2.0, publish=published.append, report=told.append, clock=clock,
        chance=random.Random(1),
    )  # fmt: skip
    task = asyncio.create_task(supervisor.run())
    async with asyncio.timeout(5):
        await feed.played.wait()
    task.cancel()
    await asyncio.wait({task})
    return told, published, clock, feed


async def test_a_good_feed_is_live_with_the_time_of_its_data() -> None:
    told, published, clock, feed = await run(
        [listing("node", node(), when=1000.0), listing("node", node(), when=1002.0)]
    )
    assert [source.state for source in told] == ["starting", "live", "live"]
    assert told[-1].last_success == 1002.0
    assert len(published) == 2
    assert clock.slept == [2.0]
    assert feed.closed == 1


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (Unreachable("slurmctld on ctl1 does not answer"), "down"),
        (Denied("munge: bad credential"), "denied"),
        (Malformed("no State="), "late"),
        (RuntimeError("a bug"), "down"),
    ],
)
async def test_a_failure_is_told_and_the_feed_comes_back(error: Exception, state: str) -> None:
    told, published, _, _ = await run([listing("node", when=1000.0), error, listing("node", when=1010.0)])
    assert [source.state for source in told] == ["starting", "live", state, "live"]
    assert str(error).split()[-1] in told[2].detail
    assert told[2].last_success == 1000.0
    assert told[2].failures == 1
    assert told[3].failures == 0
    assert len(published) == 2


async def test_a_hostile_error_text_is_cleaned() -> None:
    told, _, _, _ = await run([Unreachable("slurmctld: \x1b]52;c;eA==\x07")])
    assert "\x1b" not in told[1].detail


def test_backoff_doubles_with_jitter_and_is_bounded() -> None:
    chance = random.Random(7)
    waits = [backoff_seconds(failures, chance) for failures in range(1, 12)]
    assert 0.8 <= waits[0] <= 1.2
    assert 1.6 <= waits[1] <= 2.4
    assert max(waits) <= LONGEST_BACKOFF_SECONDS * 1.2


async def test_a_late_turn_is_not_made_up_for() -> None:
    clock = HandClock()
    pace = IntervalPace(5.0, clock)
    await pace.turn()
    clock.seconds += 17.0
    await pace.turn()
    await pace.turn()
    assert clock.slept == [5.0]
