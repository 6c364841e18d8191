"""Lists once, watches from there, and tells at most once an interval what has changed since.

Threads read, one a resource, so that a large list, a slow one and a refused one do not wait for each other; this loop
only takes what they bring.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncGenerator

from crashcart.backends.contract import Context, Pace
from crashcart.backends.entity import Kind
from crashcart.backends.errors import BackendError, Unreachable
from crashcart.backends.model import Batch, Item

from .checks import checks
from .client import KubernetesClient
from .errand import in_thread
from .health import Health
from .inbox import Inbox
from .ledger import Ledger
from .options import Options
from .picture import Picture
from .pulse import Pulse
from .readiness import NEEDED, is_ready
from .resources import ALL, NODES, PODS
from .site import SOURCE, Site
from .watching import Reader

LISTING_SECONDS = 0.1
"""How soon after a listing it is shown: another one that comes right then is shown with it."""

LOAD_SECONDS = 10.0
CONNECT_SECONDS = 30.0
"""A sign-in command may ask another server, and the client takes seconds to load on a busy machine."""

_LOOK_SECONDS = 1.0


class KubernetesFeed:
    """The reading half of the backend."""

    def __init__(self, context: Context) -> None:
        self._options: Options = context.options
        self._client = KubernetesClient(self._options)
        self._site = Site(context, self._client.clock)
        self._picture = Picture(self._site)
        self._health = Health()
        self._ledger = Ledger()
        self._stop = threading.Event()
        self._pulse = Pulse(self._client, self._stop)
        self._readers: list[Reader] = []
        self._inbox = Inbox()
        self._listing_came = asyncio.Event()

    async def watch(self, pace: Pace) -> AsyncGenerator[Item, None]:
        """Yield every kind completely, then what changed. Raises BackendError."""
        await pace.turn()
        await self._connect()
        self._start(asyncio.get_running_loop())
        told_load = time.monotonic()
        while True:
            stepped = time.monotonic()
            for batch in await in_thread("kubernetes picture", self._step):
                yield batch
            if stepped - told_load >= LOAD_SECONDS:
                told_load = stepped
                yield self._ledger.item(SOURCE, self._site.cluster, time.time())
            await self._until_next(stepped + self._options.interval_seconds)

    async def close(self) -> None:
        """Ask all threads to end; those that wait for an answer end at its deadline and touch nothing any more."""
        self._stop.set()
        self._client.close()

    async def _connect(self) -> None:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await in_thread("kubernetes sign-in", self._pulse.first)
        except TimeoutError as error:
            raise Unreachable(
                f"no way in within {CONNECT_SECONDS:.0f} s; look for a sign-in command in the kubeconfig that waits"
            ) from error

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        def came() -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(self._listing_came.set)

        self._inbox = Inbox(came)
        for resource in ALL:
            for namespace in self._options.namespaces if resource.is_namespaced and self._options.namespaces else ("",):
                self._readers.append(
                    Reader(
                        self._client,
                        resource,
                        namespace,
                        inbox=self._inbox,
                        health=self._health,
                        ledger=self._ledger,
                        stop=self._stop,
                    )
                )
        for thread in (self._pulse, *self._readers):
            thread.start()

    def _step(self) -> list[Batch]:
        """Take in what was read; in a thread, for a whole listing takes its time."""
        when = self._client.answered
        deliveries = self._inbox.take()
        if PODS.name in deliveries:
            self._picture.nodes.learn_pods()
        self._picture.take(deliveries, time.time())
        showings = self._picture.showings
        showings["check"].replace(checks(self._site, self._client, self._pulse, self._health, when))
        for kind, showing in showings.items():
            showing.is_ready = showing.is_ready or is_ready(kind, self._health)
        return self._picture.batches(self._confirmed)

    def _confirmed(self, kind: Kind) -> float:
        """When what is shown of this kind was last known to be so."""
        since = self._health.trouble_since(resource.name for resource in NEEDED.get(kind, ()))
        return self._client.answered if since is None else min(since, self._client.answered)

    async def _until_next(self, due: float) -> None:
        """Return when it is time to look again, or soon after a listing. Raises what ends this feed."""
        while True:
            self._raise_the_end()
            left = due - time.monotonic()
            if left <= 0.0:
                return
            try:
                async with asyncio.timeout(min(left, _LOOK_SECONDS)):
                    await self._listing_came.wait()
            except TimeoutError:
                continue
            self._listing_came.clear()
            await asyncio.sleep(LISTING_SECONDS)
            return

    def _raise_the_end(self) -> None:
        error: BackendError | None = self._pulse.refused or self._health.fatal or self._pulse.death
        error = error or self._health.refusal((NODES.name, PODS.name))
        if error is not None:
            raise error
        for thread in (self._pulse, *self._readers):
            if not thread.is_alive():
                raise Unreachable(f"{thread.name}: an internal error, its traceback is in the log")
