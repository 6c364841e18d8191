"""What a cockpit would know of a monitoring: a store fed by a real collector process, and waiting for it to change."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from crashcart.backends import wire
from crashcart.backends.model import Alert, Check, History, Target
from crashcart.ops.collector_link import CollectorLink
from crashcart.ops.gpu_table import GpuTable
from crashcart.ops.session import ClusterSession, Session
from crashcart.ops.store import Freshness, Store

CLUSTER = "lab"
LOOK_SECONDS = 0.1  # ages grow without a message, so a condition is also tried this often


def session(folder: Path, backends: dict[str, dict[str, Any]]) -> Session:
    """One cluster, `lab`, that is only looked at."""
    return Session((ClusterSession(CLUSTER, backends=backends),), audit_file=str(folder / "audit.jsonl"))


class Watch:
    """A store while it is fed."""

    def __init__(self, link: CollectorLink) -> None:
        self.store = Store()
        self._link = link
        self._changed = asyncio.Event()

    def on_change(self, kinds: frozenset[str]) -> None:
        """Called by the link."""
        self._changed.set()

    async def until(self, what: str, check: Callable[[], bool], seconds: float) -> float:
        """Wait until `check` holds; return the seconds it took. Raises TimeoutError with what is known by then."""
        begun = time.monotonic()
        while not check():
            if time.monotonic() > begun + seconds:
                raise TimeoutError(f"not within {seconds:g} s: {what}\n{self}")
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), LOOK_SECONDS)
            except TimeoutError:
                continue
        return time.monotonic() - begun

    def look_at(self, *hosts: str, alerts: bool = False) -> None:
        """What is on the screen in detail from now on."""
        self._link.look_at(wire.Focus(tuple((CLUSTER, host) for host in hosts), alerts))

    # what is known

    @property
    def table(self) -> GpuTable:
        return self.store.gpus[CLUSTER]

    @property
    def has_gpus(self) -> bool:
        """Whether there are numbers at all."""
        return CLUSTER in self.store.gpus and "util_percent" in self.table.columns

    def value(self, metric: str, host: str, gpu: int) -> float | None:
        """A number of one GPU; None while it is not known."""
        return self.table.value(metric, host, gpu) if CLUSTER in self.store.gpus else None

    def age(self, metric: str, host: str, gpu: int) -> float:
        """Seconds since the number was true, by the clock of this machine; endless when there is none."""
        when = self.table.sample_time(metric, host, gpu) if self.value(metric, host, gpu) is not None else None
        return float("inf") if when is None else time.time() - when

    def freshness(self, source: str) -> Freshness:
        """How far a source may be trusted now."""
        return self.store.freshness(CLUSTER, source, time.time())

    def detail(self, source: str) -> str:
        """What a source says about itself."""
        state = self.store.sources.get((CLUSTER, source))
        return "" if state is None else state.detail

    def alerts(self, name: str, state: str | None = None, source: str | None = None) -> list[Alert]:
        """Alerts of a name, in this state and of this source where given."""
        return [
            alert
            for alert in self.store.alerts.values()
            if alert.name == name and state in (None, alert.state) and source in (None, alert.source)
        ]

    def target(self, instance: str) -> Target | None:
        """The failing target of that instance."""
        return next((one for one in self.store.targets.values() if one.instance == instance), None)

    def check(self, name: str) -> Check | None:
        """A fact about the monitoring."""
        return next((one for one in self.store.checks.values() if one.name == name), None)

    def check_state(self, name: str) -> str:
        """Its state; "none" while nobody has told of it."""
        found = self.check(name)
        return "none" if found is None else found.state

    def histories(self, subject: str) -> dict[str, History]:
        """Histories of a subject by source."""
        return self.store.histories.get((CLUSTER, subject), {})

    def __str__(self) -> str:
        lines = [str(source) for source in self.store.sources.values()]
        lines += [f"{one.source}: {one.name} {one.state} {dict(one.labels)}" for one in self.store.alerts.values()]
        lines += [str(one) for one in (*self.store.targets.values(), *self.store.checks.values())]
        if self.has_gpus:
            hosts = {host: round(self.age("util_percent", host, 0), 1) for host in self.table.rows.hosts[:8]}
            lines.append(f"age of GPU 0: {hosts}, columns {sorted(self.table.columns)}")
        return "\n".join(lines)


@asynccontextmanager
async def watching(session: Session, log: Path | None = None) -> AsyncIterator[Watch]:
    """Feed a store from a collector process of its own."""
    link = CollectorLink(session, log=log)
    watch = Watch(link)
    task = asyncio.create_task(link.run(watch.store, watch.on_change))
    try:
        yield watch
    finally:
        task.cancel()
        await asyncio.wait({task})
