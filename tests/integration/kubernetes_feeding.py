"""A feed of the kubernetes backend while it runs, and the picture that it makes of what it yields."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any

from crashcart.backends.contract import Context
from crashcart.backends.errors import BackendError
from crashcart.backends.kubernetes import BACKEND
from crashcart.backends.model import AnyEntity, Batch, Check, Job, Load, Node, Queue, RequestLoad
from crashcart.backends.pods import Event, Pod
from crashcart.backends.testing import Turns
from crashcart.ops.links import SessionLinks
from crashcart.ops.session import ClusterSession

from .kubernetes_cluster import KubernetesCluster

CLUSTER = "lab"
INTERVAL = 0.25


def context(kubernetes: KubernetesCluster, user: str = "admin", **options: Any) -> Context:
    """What a feed is made from, signed in as a user."""
    table = {"kubeconfig": str(kubernetes.kubeconfig), "context": user, "interval_seconds": INTERVAL, **options}
    return SessionLinks(ClusterSession(CLUSTER)).context(BACKEND.options(**table))


class Feeding:
    """Entities by kind and key, as a reader would have them; `error` is what ended the feed."""

    def __init__(self) -> None:
        self.entities: dict[str, dict[str, AnyEntity]] = defaultdict(dict)
        self.completes: list[str] = []  # kinds of complete batches, in order
        self.steps: dict[str, list[int]] = defaultdict(list)  # sizes of the other ones
        self.when: dict[str, float] = {}
        self.loads: list[Load] = []
        self.error: BackendError | None = None
        self._news = asyncio.Event()

    def take(self, item: object) -> None:
        """One item of the feed."""
        if isinstance(item, Load):
            self.loads.append(item)
        if isinstance(item, Batch):
            self._take_batch(item)
        self._news.set()

    def _take_batch(self, batch: Batch) -> None:
        table = self.entities[batch.kind]
        if batch.complete:
            table.clear()
            self.completes.append(batch.kind)
        elif batch.upserts or batch.gone:
            self.steps[batch.kind].append(len(batch.upserts) + len(batch.gone))
        for key in batch.gone:
            table.pop(key, None)
        table.update((entity.key, entity) for entity in batch.upserts)
        self.when[batch.kind] = batch.when

    async def until(self, check: Callable[[], object], what: str, seconds: float = 20.0) -> None:
        """Return when `check` holds; fail with `what` was awaited, or with what ended the feed."""
        deadline = time.monotonic() + seconds
        while not check():
            assert self.error is None, f"no {what}: the feed ended with {self.error!r}"
            assert time.monotonic() < deadline, f"no {what} in {seconds:g} s: {dict(self.entities)}"
            self._news.clear()
            try:
                async with asyncio.timeout(0.1):
                    await self._news.wait()
            except TimeoutError:
                continue

    async def ended(self, seconds: float = 20.0) -> BackendError:
        """What ends the feed. Fails when nothing does."""
        deadline = time.monotonic() + seconds
        while self.error is None:
            assert time.monotonic() < deadline, f"the feed goes on: {self.checks}"
            await asyncio.sleep(0.05)
        return self.error

    def end(self, error: BackendError) -> None:
        self.error = error
        self._news.set()

    def load(self, what: str) -> RequestLoad:
        """What the last item said of a request."""
        return next(one for one in self.loads[-1].requests if one.what == what)

    @property
    def nodes(self) -> dict[str, Node]:
        return {one.name: one for one in self.entities["node"].values() if isinstance(one, Node)}

    @property
    def pods(self) -> dict[str, Pod]:
        return {one.name: one for one in self.entities["pod"].values() if isinstance(one, Pod)}

    @property
    def jobs(self) -> dict[str, Job]:
        """By name."""
        return {one.name: one for one in self.entities["job"].values() if isinstance(one, Job)}

    @property
    def queues(self) -> dict[str, Queue]:
        return {one.name: one for one in self.entities["queue"].values() if isinstance(one, Queue)}

    @property
    def events(self) -> list[Event]:
        return [one for one in self.entities["event"].values() if isinstance(one, Event)]

    @property
    def checks(self) -> dict[str, Check]:
        return {one.name: one for one in self.entities["check"].values() if isinstance(one, Check)}


@asynccontextmanager
async def feeding(made_from: Context) -> AsyncIterator[Feeding]:
    """Run a feed until the block ends."""
    found, feed = Feeding(), BACKEND.feed(made_from)

    async def run() -> None:
        try:
            async with aclosing(feed.watch(Turns(1_000_000))) as items:
                async for item in items:
                    found.take(item)
        except BackendError as error:
            found.end(error)

    task = asyncio.create_task(run(), name="feed")
    try:
        yield found
    finally:
        task.cancel()
        await asyncio.wait({task})
        await feed.close()
        if not task.cancelled() and (bug := task.exception()) is not None:
            raise bug
