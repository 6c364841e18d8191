"""Asks nodes that somebody looks at, and those that are always asked; a few at a time, told as they answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Collection

from ClusterShell.NodeSet import NodeSet

from crashcart.backends.contract import Context, Interest, Pace
from crashcart.backends.errors import BackendError, BadIdentifier
from crashcart.backends.model import Batch, Check, GpuColumn, GpuRows, Item, Load, RequestLoad
from crashcart.backends.text import clean, node_name

from .memory import Memory
from .node import NodeReader
from .options import Options

SOURCE = "smi"
WHAT = "GPUs of nodes over SSH"
GATHER_SECONDS = 0.5
"""Answers that come within this time are told together."""


class SmiFeed:
    """The reading half of the backend, and all there is of it. `memory` outlives it."""

    def __init__(self, context: Context, memory: Memory) -> None:
        self._context = context
        self._options: Options = context.options
        self._memory = memory
        self._allowed = NodeSet(self._options.nodes) if self._options.nodes else None
        self._always = tuple(self._allowed) if self._options.always and self._allowed is not None else ()
        self._stale_after = 2.0 * self._options.interval_seconds + self._options.timeout_seconds
        self._interest: tuple[str, ...] = ()
        self._glance = asyncio.Event()
        self._room = asyncio.Semaphore(self._options.at_once)
        self._asking: dict[str, asyncio.Task[tuple[float, int]]] = {}
        self._has_told_rows = False
        self._cost: RequestLoad | None = None
        self._since: tuple[str, float] | None = None

    def attend(self, interest: Interest) -> None:
        """From now on these machines are looked at: they are asked at once, and at each turn."""
        hosts = tuple(host for host in interest.hosts if self._may_ask(host))
        if set(hosts) - set(self._interest):
            self._glance.set()
        self._interest = hosts

    async def watch(self, pace: Pace) -> AsyncGenerator[Item, None]:
        """How asking goes, then rows and columns of all that answered lately.

        At each turn all that are wanted are asked, between turns those that somebody begins to look at; a node that
        does not answer holds up nobody.
        """
        turn = asyncio.ensure_future(pace.turn())
        glance = asyncio.ensure_future(self._glance.wait())
        try:
            while True:
                await asyncio.wait((turn, glance, *self._asking.values()), return_when=asyncio.FIRST_COMPLETED)
                if turn.done():
                    turn.result()
                    turn = asyncio.ensure_future(pace.turn())
                    self._begin(self._wanted())
                if glance.done():
                    self._glance.clear()
                    glance = asyncio.ensure_future(self._glance.wait())
                    self._begin(self._interest)
                await self._gather()
                for item in self._picture():
                    yield item
        finally:
            tasks = (turn, glance, *self._asking.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._asking.clear()

    async def close(self) -> None:
        """Nothing is held: connections belong to the ssh backend."""

    def _may_ask(self, host: str) -> bool:
        try:
            name = node_name(self._context.node_name(host))
        except BadIdentifier:
            return False
        return self._allowed is None or name in self._allowed or host in self._allowed

    def _wanted(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self._interest, *self._always)))

    def _begin(self, hosts: Collection[str]) -> None:
        """Ask those that are not being asked, and were not just now."""
        now = time.time()
        for host in hosts:
            read_at = self._memory.node(host).read_at
            if host not in self._asking and (read_at is None or now - read_at >= self._options.interval_seconds / 2):
                self._asking[host] = asyncio.create_task(self._read(host), name=f"smi {host}")

    async def _gather(self) -> None:
        """Wait a little for what is being asked, and let go of what has ended."""
        if not self._asking:
            return
        begun = len(self._asking)
        await asyncio.wait(self._asking.values(), timeout=GATHER_SECONDS)
        ended = [host for host, task in self._asking.items() if task.done()]
        told = [self._asking.pop(host).result() for host in ended]
        if told:
            seconds, size = max(seconds for seconds, _ in told), sum(size for _, size in told)
            self._cost = RequestLoad(WHAT, self._options.interval_seconds, seconds, size, begun)

    async def _read(self, host: str) -> tuple[float, int]:
        """Ask one node; return how many seconds that took and how many bytes it answered."""
        node = self._memory.node(host)
        async with self._room:
            begun = time.monotonic()
            try:
                runner = self._context.links.runner(f"ssh:{self._context.node_name(host)}")
                reader = NodeReader(runner, self._memory, host, self._options.timeout_seconds)
                found = await reader.read()
            except BackendError as error:
                node.trouble = clean(str(error), limit=200)
                return time.monotonic() - begun, 0
        node.take(found, time.time())
        return time.monotonic() - begun, reader.size_bytes

    def _picture(self) -> list[Item]:
        now, memory, cluster = time.time(), self._memory, self._context.cluster
        items: list[Item] = [Batch(SOURCE, cluster, "check", now, (self._check(now),), complete=True)]
        if memory.arrange(self._wanted(), now, self._stale_after) or not self._has_told_rows:
            self._has_told_rows = True
            hosts, counts = tuple(host for host, _ in memory.rows), tuple(count for _, count in memory.rows)
            items.append(GpuRows(SOURCE, cluster, memory.generation, hosts, counts, self._stale_after))
        for metric, values in memory.columns(now).items():
            items.append(GpuColumn(SOURCE, cluster, memory.generation, metric, now, memoryview(values).cast("B")))
        if self._cost is not None:
            items.append(Load(SOURCE, cluster, now, (self._cost,)))
        return items

    def _check(self, now: float) -> Check:
        """Who is asked, and who does not answer; equal words are said once."""
        troubles: dict[str, NodeSet] = {}
        asked = [host for host in self._wanted() if host in self._memory.nodes]
        for host in asked:
            node = self._memory.nodes[host]
            if node.trouble or node.readings.lost:
                said = node.trouble or "; ".join(node.readings.lost)
                troubles.setdefault(said, NodeSet()).update(host)
        state = "warning" if troubles else "ok"
        if self._since is None or self._since[0] != state:
            self._since = (state, now)
        words = [f"{nodes}: {said}" for said, nodes in troubles.items()]
        words.append(f"asked over SSH: {NodeSet.fromlist(asked)}" if asked else "nobody looks at a node")
        detail = clean("; ".join(words), limit=600)
        return Check(
            cluster=self._context.cluster, source=SOURCE, when=now, name="nvidia-smi", state=state, detail=detail,
            since=self._since[1],
        )  # fmt: skip
