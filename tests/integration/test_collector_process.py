"""The collector as a process: its death or freeze shows at once, and it comes back by itself."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from crashcart.ops.collector_link import CollectorLink
from crashcart.ops.session import ClusterSession, Session
from crashcart.ops.store import Store
from tests.pty_terminal import children, command_line


@pytest.fixture
def session(tmp_path: Path) -> Session:
    options = {"nodes": 8, "socket": str(tmp_path / "world"), "linger_seconds": 1.0, "interval_seconds": 1.0}
    cluster = ClusterSession(name="demo", backends={"demo": options})
    return Session(clusters=(cluster,), audit_file=str(tmp_path / "audit.jsonl"))


class Watched:
    """A store that is being fed, and a way to wait until it looks a certain way."""

    def __init__(self) -> None:
        self.store = Store()
        self._changed = asyncio.Event()

    def on_change(self, kinds: frozenset[str]) -> None:
        self._changed.set()

    async def until(self, condition: Callable[[Store], bool], seconds: float) -> None:
        async with asyncio.timeout(seconds):
            while not condition(self.store):
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def watched(session: Session) -> AsyncIterator[Watched]:
    result = Watched()
    task = asyncio.create_task(CollectorLink(session).run(result.store, result.on_change))
    try:
        yield result
    finally:
        task.cancel()
        await asyncio.wait({task})


def collector_pid() -> int:
    (pid,) = [pid for pid in children(os.getpid()) if "ops.collector" in command_line(pid)]
    return pid


def is_live(store: Store) -> bool:
    source = store.sources.get(("demo", "demo"))
    return store.collector_alive and source is not None and source.state == "live" and bool(store.nodes)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
async def test_a_dead_or_frozen_collector_is_stale_within_5_s_and_back_within_10(
    session: Session, how: signal.Signals
) -> None:
    async with watched(session) as seen:
        await seen.until(is_live, 20)
        nodes = set(seen.store.nodes)
        os.kill(collector_pid(), how)
        await seen.until(lambda store: not store.collector_alive, 5)
        assert set(seen.store.nodes) == nodes, "the picture stays"
        assert seen.store.freshness("demo", "demo", seen.store.last_beat or 0.0) == "down"
        await seen.until(is_live, 10)


async def test_gpu_columns_arrive_with_their_rows(session: Session) -> None:
    async with watched(session) as seen:
        await seen.until(lambda store: "demo" in store.gpus and "util_percent" in store.gpus["demo"].columns, 20)
        table = seen.store.gpus["demo"]
        assert sum(table.counts.values()) == len(table.columns["util_percent"]) == 64


async def test_a_backend_that_cannot_be_loaded_says_so_and_stops_nobody(session: Session) -> None:
    broken = ClusterSession(name="other", backends={"slurm": {"via": "ssh:nowhere.invalid"}})
    both = Session(clusters=(*session.clusters, broken), audit_file=session.audit_file)
    async with watched(both) as seen:
        await seen.until(is_live, 20)
        await seen.until(lambda store: ("other", "slurm") in store.sources, 10)
        await seen.until(lambda store: store.sources["other", "slurm"].state in ("down", "denied"), 25)
        assert seen.store.sources["other", "slurm"].detail
