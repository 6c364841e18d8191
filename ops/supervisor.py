"""Keeps one feed flowing: interval, retry with jittered backoff, deadlines, and the truth about how it is doing."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import aclosing

from crashcart.backends import wire
from crashcart.backends.contract import Attentive, Feed, Interest, OfSeveralSources
from crashcart.backends.errors import BackendError, Denied, Malformed, Unsupported
from crashcart.backends.model import Batch, GpuColumn, Item
from crashcart.backends.text import clean

from .clock import Clock
from .pace import LONGEST_BACKOFF_SECONDS, IntervalPace, backoff_seconds

log = logging.getLogger(__name__)

ANSWER_SECONDS = 30.0
"""How long a feed may be silent beyond its own interval before it counts as unreachable."""

DENIED_RETRY_SECONDS = 60.0
"""Permissions are granted by people: after a refusal ask again, but seldom."""


class Supervisor:
    """Runs one feed of one cluster until cancelled and reports through two callbacks."""

    def __init__(
        self,
        cluster: str,
        name: str,
        make_feed: Callable[[], Feed],
        *,
        interval_seconds: float,
        publish: Callable[[Item], None],
        report: Callable[[wire.Source], None],
        clock: Clock,
        chance: random.Random | None = None,
    ) -> None:
        self.cluster = cluster
        self.name = name
        self._make_feed = make_feed
        self._interval = interval_seconds
        self._publish = publish
        self._report = report
        self._clock = clock
        self._chance = chance or random.Random()  # noqa: S311 - jitter, not a secret
        self._failures = 0
        self._last_success: float | None = None
        self._interest = Interest()
        self._feed: Feed | None = None
        self._voices: tuple[str, ...] = ()

    def attend(self, interest: Interest) -> None:
        """Tell the feed, and every one that follows it, what is looked at."""
        self._interest = interest
        if isinstance(self._feed, Attentive):
            self._feed.attend(interest)

    async def run(self) -> None:
        """Keep the feed flowing until cancelled; one bad feed never ends another."""
        self._tell("starting", "")
        while True:
            state, detail = await self._attempt()
            self._failures += 1
            self._tell(state, detail)
            await self._clock.sleep(self._pause(state))

    def _pause(self, state: str) -> float:
        if state == "denied":
            return DENIED_RETRY_SECONDS
        return min(LONGEST_BACKOFF_SECONDS, backoff_seconds(self._failures, self._chance))

    async def _attempt(self) -> tuple[str, str]:
        """Run the feed until it fails; return the state and the words for it."""
        try:
            self._feed = self._make_feed()
            self.attend(self._interest)
            await self._flow(self._feed)
        except (Denied, Unsupported) as error:
            return "denied", str(error)
        except Malformed as error:
            return "late", f"answer not understood, old picture kept: {error}"
        except BackendError as error:
            return "down", str(error)
        except TimeoutError:
            return "down", f"no answer within {self._interval + ANSWER_SECONDS:.0f} s"
        except Exception as error:  # the one supervisor of feeds: a bug in a backend must not take the others down
            log.exception("feed %s/%s failed", self.cluster, self.name)
            return "down", f"internal error of the backend: {error!r}"
        finally:
            if self._feed is not None:
                feed, self._feed = self._feed, None
                await feed.close()
        return "down", "the feed ended"

    async def _flow(self, feed: Feed) -> None:
        pace = IntervalPace(self._interval, self._clock)
        async with aclosing(feed.watch(pace)) as items:
            while True:
                async with asyncio.timeout(self._interval + ANSWER_SECONDS):
                    item = await anext(items, None)
                if item is None:
                    return
                self._publish(item)
                if isinstance(item, Batch | GpuColumn):
                    self._succeeded(item.when)

    def _succeeded(self, when: float) -> None:
        if self._failures == 0 and self._last_success == when:
            return
        self._failures = 0
        self._last_success = when
        self._tell("live", "")

    def _tell(self, state: str, detail: str) -> None:
        if isinstance(self._feed, OfSeveralSources):
            self._voices = self._feed.voices
        for name in (self.name, *self._voices):
            self._report(
                wire.Source(
                    cluster=self.cluster,
                    name=name,
                    state=state,  # type: ignore[arg-type]
                    interval_seconds=self._interval,
                    last_success=self._last_success,
                    failures=self._failures,
                    detail=clean(detail, limit=300),
                )
            )
