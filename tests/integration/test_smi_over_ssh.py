"""GPUs of nodes over real SSH: only what is looked at is asked, any driver is understood, a dead node holds up none."""

from __future__ import annotations

import asyncio
import json
import math
import os
import pwd
import time
from array import array
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from crashcart.backends.contract import Context, Interest, Pace
from crashcart.backends.demo.kernel_log import as_journal
from crashcart.backends.model import Batch, Check, GpuColumn, GpuRows, Load
from crashcart.backends.smi.feed import SmiFeed
from crashcart.backends.smi.memory import Memory
from crashcart.backends.smi.options import Options
from crashcart.backends.testing import Turns
from crashcart.ops.clock import SystemClock
from crashcart.ops.links import SessionLinks
from crashcart.ops.pace import IntervalPace
from crashcart.ops.session import ClusterSession

from .smi_node import SmiNode
from .ssh_server import SshServer

pytestmark = pytest.mark.real


@pytest.fixture
def node(server: SshServer) -> SmiNode:
    if not pwd.getpwuid(os.getuid()).pw_shell.endswith("bash"):
        pytest.skip("no stand-in for nvidia-smi: the login shell is not bash, which reads where it is")
    return SmiNode(server.home)


class Watch:
    """What the feed has told so far."""

    def __init__(self, feed: SmiFeed, pace: Pace | None = None) -> None:
        self.feed = feed
        self.turns = Turns(0)
        self._items = feed.watch(pace or self.turns)
        self.rows: GpuRows | None = None
        self.columns: dict[str, list[float]] = {}
        self.check: Check | None = None
        self.load: Load | None = None

    async def until(self, condition: Callable[[Watch], bool], seconds: float = 20.0) -> None:
        async with asyncio.timeout(seconds):
            while not condition(self):
                self._take(await anext(self._items))

    def _take(self, item: object) -> None:
        match item:
            case GpuRows():
                self.rows, self.columns = item, {}
            case GpuColumn():
                self.columns[item.metric] = array("f", item.values.cast("f")).tolist()
            case Batch(upserts=(Check() as check,)):
                self.check = check
            case Load():
                self.load = item

    def value(self, metric: str, host: str = "node01", gpu: int = 0) -> float | None:
        if self.rows is None or host not in self.rows.hosts or metric not in self.columns:
            return None
        place = self.rows.hosts.index(host)
        value = self.columns[metric][sum(self.rows.counts[:place]) + gpu]
        return None if math.isnan(value) else value

    @property
    def says(self) -> str:
        return "" if self.check is None else self.check.detail

    async def close(self) -> None:
        await self._items.aclose()


@asynccontextmanager
async def watching(server: SshServer, pace: Pace | None = None, **options: object) -> AsyncIterator[Watch]:
    links = SessionLinks(ClusterSession(name="lab", backends={"ssh": {"config": server.config}}))
    feed = SmiFeed(Context("lab", Options(**options), links), Memory())  # type: ignore[arg-type]
    watch = Watch(feed, pace)
    try:
        yield watch
    finally:
        await watch.close()
        await feed.close()
        await links.close()


async def test_a_node_is_asked_when_somebody_looks_at_it_and_not_before(server: SshServer, node: SmiNode) -> None:
    async with watching(server) as watch:
        watch.turns.give()
        await watch.until(lambda seen: seen.rows is not None)
        assert node.asked == [] and watch.rows is not None and watch.rows.hosts == ()
        assert watch.says == "nobody looks at a node"
        begun = time.monotonic()
        watch.feed.attend(Interest(hosts=("node01",)))
        await watch.until(lambda seen: seen.value("age_seconds") is not None)
        assert time.monotonic() - begun < 10
        assert watch.value("util_percent") == 100
        assert node.asked == [node.all_fields]
        assert watch.rows is not None and (watch.rows.source, watch.rows.counts) == ("smi", (4,))
        assert watch.value("memory_used_bytes") == 64513 * (1 << 20)
        assert watch.value("power_watts", gpu=3) == pytest.approx(631.95)
        assert watch.value("xid") == 0, "its kernel log was read and holds none"
        assert "memory_temperature_celsius" not in watch.columns
        await watch.until(lambda seen: seen.load is not None)
        assert watch.load is not None and watch.load.requests[0].size_bytes < 100_000
        assert watch.says == "asked over SSH: node01"


async def test_a_field_that_the_driver_does_not_know_is_asked_by_its_old_name(server: SshServer, node: SmiNode) -> None:
    node.write("unknown", "clocks_event_reasons.active temperature.gpu.tlimit")
    async with watching(server) as watch:
        watch.feed.attend(Interest(hosts=("node01",)))
        await watch.until(lambda seen: seen.value("throttle_reasons") == 0x48)
        tries = len(node.asked)
        watch.feed.attend(Interest(hosts=("node01", "node02")))
        await watch.until(lambda seen: seen.value("throttle_reasons", "node02") == 0x48)
        assert len(node.asked) == tries + 1, "what one node taught is asked of the next"


async def test_a_lost_gpu_keeps_its_row_and_the_kernel_log_tells_its_xid(server: SshServer, node: SmiNode) -> None:
    node.write("lost1", "")
    line = "NVRM: Xid (PCI:0000:1c:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus."
    node.prints("journalctl", as_journal(1e9, "node01", line))
    async with watching(server, interval_seconds=1.0) as watch:
        watch.feed.attend(Interest(hosts=("node01",)))
        await watch.until(lambda seen: seen.value("age_seconds", gpu=2) is not None)
        assert watch.value("util_percent", gpu=2) == 100
        assert watch.rows is not None and watch.rows.counts == (4,)
        assert watch.value("util_percent", gpu=1) is None and watch.value("age_seconds", gpu=1) is None
        assert "node01: Unable to determine the device handle for GPU0000:1C:00.0" in watch.says
        assert watch.check is not None and watch.check.state == "warning"
    node.remove("lost1")
    async with watching(server) as watch:
        watch.feed.attend(Interest(hosts=("node01",)))
        await watch.until(lambda seen: seen.value("xid", gpu=1) == 79)
        assert watch.value("xid", gpu=0) == 0


async def test_without_nvidias_tool_amds_is_asked(server: SshServer, node: SmiNode) -> None:
    node.remove("nvidia-smi")
    gpus = [{"gpu": gpu, "usage": {"gfx_activity": {"value": 40 + gpu, "unit": "%"}}} for gpu in range(2)]
    node.prints("amd-smi", json.dumps(gpus))
    async with watching(server) as watch:
        watch.feed.attend(Interest(hosts=("node01",)))
        await watch.until(lambda seen: seen.value("util_percent", gpu=1) == 41)
        assert watch.rows is not None and watch.rows.counts == (2,)


async def test_nodes_without_any_tool_are_named_together(server: SshServer, node: SmiNode) -> None:
    node.remove("nvidia-smi")
    async with watching(server) as watch:
        watch.feed.attend(Interest(hosts=("node01", "node02", "node03")))
        await watch.until(lambda seen: "node[01-03]: neither nvidia-smi nor amd-smi is there" in seen.says)
        await watch.until(lambda seen: seen.rows is not None)
        assert watch.rows is not None and watch.rows.hosts == ()


async def test_a_hanging_driver_is_said_and_its_last_numbers_age(server: SshServer, node: SmiNode) -> None:
    async with watching(server, IntervalPace(1.0, SystemClock()), interval_seconds=1.0, timeout_seconds=3.0) as watch:
        watch.feed.attend(Interest(hosts=("node01",)))
        await watch.until(lambda seen: seen.value("util_percent") == 100)
        node.write("hang", "")
        await watch.until(lambda seen: "did not end" in seen.says)
        assert watch.value("util_percent") == 100
        assert (watch.value("age_seconds") or 0) > 0.9


async def test_a_node_that_does_not_answer_holds_up_nobody(server: SshServer, node: SmiNode) -> None:
    async with watching(server, timeout_seconds=20.0) as watch:
        node.write("hang", "")
        watch.feed.attend(Interest(hosts=("node01",)))
        await watch.until(lambda seen: seen.check is not None and bool(node.asked))
        node.remove("hang")
        watch.feed.attend(Interest(hosts=("node02",)))
        await watch.until(lambda seen: seen.value("util_percent", "node02") == 100, 8.0)


async def test_a_node_that_cannot_be_reached_is_said(server: SshServer, node: SmiNode) -> None:
    config = server.config_with({"frail": server.closed_port})
    links = SessionLinks(ClusterSession(name="lab", backends={"ssh": {"config": config}}))
    feed = SmiFeed(Context("lab", Options(), links), Memory())
    watch = Watch(feed)
    feed.attend(Interest(hosts=("frail", "node01", "not;a;name")))
    await watch.until(lambda seen: "frail: " in seen.says and seen.value("util_percent") == 100)
    await watch.close()
    await links.close()


async def test_a_configured_set_is_asked_at_every_turn_and_nobody_else_is(server: SshServer, node: SmiNode) -> None:
    async with watching(server, always=True, nodes="node[01-02]") as watch:
        watch.feed.attend(Interest(hosts=("node03",)))
        watch.turns.give()
        await watch.until(lambda seen: seen.value("util_percent", "node02") == 100)
        await watch.until(lambda seen: seen.value("util_percent", "node01") == 100)
        assert watch.rows is not None and watch.rows.hosts == ("node01", "node02")
