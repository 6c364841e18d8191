"""Whole turns on what a real Prometheus answered: three nodes that are well, then one dead, one GPU short, one Xid."""

from __future__ import annotations

import asyncio
import math
import time
from array import array
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field

import pytest

from crashcart.backends.contract import Attentive, Interest
from crashcart.backends.model import (
    Alert,
    Batch,
    Check,
    GpuColumn,
    GpuOwners,
    GpuRows,
    History,
    Item,
    Load,
    Target,
)
from crashcart.backends.prometheus import PrometheusBackend
from crashcart.backends.prometheus.feed import PrometheusFeed
from crashcart.backends.prometheus.memory import Memory
from crashcart.backends.testing import Turns

from .prometheus_server import PrometheusServer, Reply, context, error, vector

HOSTS = ("gpu001", "gpu002", "gpu003")


@dataclass
class Seen:
    """What a reader would hold after some items."""

    rows: GpuRows | None = None
    columns: dict[str, GpuColumn] = field(default_factory=dict)
    batches: dict[str, Batch] = field(default_factory=dict)
    owners: GpuOwners | None = None
    load: Load | None = None
    histories: dict[str, History] = field(default_factory=dict)
    when: dict[str, list[float]] = field(default_factory=dict)

    def take(self, item: Item) -> None:
        match item:
            case GpuRows():
                self.rows = item
                self.columns.clear()
            case GpuColumn():
                assert self.rows is not None and item.generation == self.rows.generation
                assert len(item.values) == 4 * sum(self.rows.counts)
                self.columns[item.metric] = item
                self.when.setdefault(item.metric, []).append(item.when)
            case Batch():
                assert item.complete
                self.batches[item.kind] = item
            case GpuOwners():
                self.owners = item
            case Load():
                self.load = item
            case History():
                self.histories[item.subject] = item

    def values(self, metric: str, host: str) -> list[float]:
        assert self.rows is not None
        place = self.rows.hosts.index(host)
        start = sum(self.rows.counts[:place])
        column = array("f", bytes(self.columns[metric].values))
        return list(column[start : start + self.rows.counts[place]])

    @property
    def alerts(self) -> list[Alert]:
        return [one for one in self.batches["alert"].upserts if isinstance(one, Alert)]

    @property
    def targets(self) -> list[Target]:
        return [one for one in self.batches["target"].upserts if isinstance(one, Target)]

    def check(self, name: str) -> Check:
        return next(one for one in self.batches["check"].upserts if isinstance(one, Check) and one.name == name)


@pytest.fixture
def server() -> Iterator[PrometheusServer]:
    with PrometheusServer("healthy").running() as running:
        yield running


async def turn(items: AsyncGenerator[Item, None], seen: Seen) -> Seen:
    """Take items up to the end of a turn."""
    while True:
        item = await anext(items)
        seen.take(item)
        if isinstance(item, Load):
            return seen


async def one_turn(server: PrometheusServer, memory: Memory, seen: Seen | None = None) -> Seen:
    """A turn of a new feed with that memory."""
    feed = PrometheusFeed(server.context(), memory)
    async with asyncio.timeout(20), aclosing(feed.watch(Turns())) as items:
        found = await turn(items, seen or Seen())
    await feed.close()
    return found


async def test_a_turn_reads_rows_all_columns_and_every_listing(server: PrometheusServer) -> None:
    seen = await one_turn(server, Memory())
    assert seen.rows is not None and (seen.rows.hosts, seen.rows.counts) == (HOSTS, (8, 8, 8))
    assert seen.rows.stale_after_seconds == 4.0, "scraped every second"
    assert seen.values("memory_used_bytes", "gpu001")[3] == 60_300 * 2**20
    assert seen.values("memory_total_bytes", "gpu001")[3] == 80_559 * 2**20
    assert seen.values("tensor_percent", "gpu002")[4] == pytest.approx(29.0)
    assert seen.values("temperature_margin_celsius", "gpu003")[0] == 87 - 49
    assert seen.values("pcie_bytes_per_second", "gpu001")[1] == 3_000_002
    assert seen.values("xid", "gpu001") == [0.0] * 8
    assert all(0.0 <= age <= 1.1 for host in HOSTS for age in seen.values("age_seconds", host))
    assert set(seen.batches) == {"alert", "target", "check"} and seen.targets == []
    assert [alert.name for alert in seen.alerts] == ["Watchdog"]
    assert {seen.check(name).state for name in ("rule evaluation", "scrapes", "answers")} == {"ok"}
    assert seen.owners is not None and seen.owners.owners[:8] == ("job:1001",) * 6 + ("pod:research/train-1", "")


async def test_times_are_ours_though_the_server_lives_in_another_year(server: PrometheusServer) -> None:
    seen = await one_turn(server, Memory())
    now = time.time()
    times = [column.when for column in seen.columns.values()] + [batch.when for batch in seen.batches.values()]
    assert all(abs(when - now) < 5.0 for when in times)
    assert abs(seen.alerts[0].since - now) < 3600.0
    clock = seen.check("clock")
    assert clock.state == "warning" and "this machine's clock is" in clock.detail


async def test_what_died_keeps_its_values_with_a_true_age_and_a_missing_gpu_has_none(server: PrometheusServer) -> None:
    memory = Memory()
    before = await one_turn(server, memory)
    healthy_util, healthy_xid = before.values("util_percent", "gpu002"), before.columns["xid"]
    last = memory.times.last["gpu002"]
    server.play("broken")
    seen = await one_turn(server, memory, before)
    assert server.unknown == []
    assert seen.values("util_percent", "gpu002") == healthy_util
    assert memory.times.last["gpu002"] >= last
    (age,) = set(seen.values("age_seconds", "gpu002"))
    now = float(memory.times.newest_scrape or 0.0)
    assert age == pytest.approx(now - memory.times.last["gpu002"], abs=1.1) and age > 5.0
    for metric in seen.columns:
        assert math.isnan(seen.values(metric, "gpu003")[6]), metric
        assert not math.isnan(seen.values(metric, "gpu003")[5]), metric
    assert seen.values("xid", "gpu001") == [0.0, 0.0, 0.0, 0.0, 79.0, 0.0, 0.0, 0.0]
    assert healthy_xid.generation == seen.columns["xid"].generation, "no row has moved"


async def test_a_failing_target_says_why_and_since_when(server: PrometheusServer) -> None:
    memory = Memory()
    await one_turn(server, memory)
    server.play("broken")
    seen = await one_turn(server, memory)
    (target,) = seen.targets
    assert (target.job, target.instance, target.host) == ("dcgm-exporter", "gpu002:9400", "gpu002")
    assert "connection refused" in target.error and target.interval_seconds == 1.0
    assert 0.0 < target.when - target.since < 60.0
    assert {(alert.name, alert.state) for alert in seen.alerts} >= {("GpuXidError", "firing"), ("Watchdog", "firing")}
    xid = next(alert for alert in seen.alerts if alert.name == "GpuXidError")
    assert xid.severity == "critical" and xid.fingerprint.startswith("prom-")
    assert dict(xid.labels)["Hostname"] == "gpu001" and xid.annotations


async def test_a_feed_after_a_failure_goes_on_with_the_rows_of_the_one_before(server: PrometheusServer) -> None:
    backend = PrometheusBackend()
    first, second = (backend.feed(server.context()) for _ in range(2))
    async with asyncio.timeout(20), aclosing(first.watch(Turns())) as items:
        known = await turn(items, Seen())
    await first.close()
    server.say = {"max by (Hostname, gpu, gpu_id)": vector()}  # a server that is up again and has scraped nothing yet
    async with asyncio.timeout(20), aclosing(second.watch(Turns())) as items:
        again = await turn(items, Seen())
    await second.close()
    assert again.rows == known.rows
    assert again.values("util_percent", "gpu001") == known.values("util_percent", "gpu001")


async def test_a_metric_that_is_refused_is_told_and_harms_no_other(server: PrometheusServer) -> None:
    server.say = {"DCGM_FI_DEV_POWER_USAGE{}": error("execution", "query processing would load too many samples", 422)}
    seen = await one_turn(server, Memory())
    assert "power_watts" not in seen.columns and "temperature_celsius" in seen.columns
    answers = seen.check("answers")
    assert answers.state == "warning" and "power_watts" in answers.detail and "too many samples" in answers.detail


async def test_a_server_without_gpus_still_tells_alerts_targets_and_checks(server: PrometheusServer) -> None:
    server.say = {"count by (__name__)": vector()}
    seen = await one_turn(server, Memory())
    assert seen.rows is None and seen.columns == {}
    assert set(seen.batches) == {"alert", "target", "check"}


@pytest.mark.parametrize("path", ["/api/v1/alerts", "/api/v1/rules", "/api/v1/targets"])
async def test_a_server_that_speaks_only_promql_is_good_enough(server: PrometheusServer, path: str) -> None:
    server.say = {path: Reply(b"404 page not found", 404)}
    server.play("broken")
    seen = await one_turn(server, Memory())
    assert "util_percent" in seen.columns
    if path == "/api/v1/rules":
        assert seen.check("rule evaluation").state == "unknown"
    if path == "/api/v1/alerts":
        assert "alert" not in seen.batches, "an unknown listing is not an empty one"


async def test_histories_come_at_once_when_somebody_looks_and_at_each_turn(server: PrometheusServer) -> None:
    feed = PrometheusFeed(server.context(), Memory())
    assert isinstance(feed, Attentive)
    turns, seen = Turns(), Seen()
    async with asyncio.timeout(20), aclosing(feed.watch(turns)) as items:
        await turn(items, seen)
        asked = len(server.queries("time()"))
        feed.attend(Interest(("gpu001",), alerts=True))
        while set(seen.histories) != {"host:gpu001", "alerts"}:
            seen.take(await anext(items))
        assert len(server.queries("time()")) == asked, "without another turn"
        first = seen.histories["host:gpu001"]
        seen.histories.clear()
        turns.give()
        while "host:gpu001" not in seen.histories:
            seen.take(await anext(items))
        feed.attend(Interest())
        turns.give()
        await turn(items, seen)  # what was asked for before may come yet
        seen.histories.clear()
        turns.give()
        await turn(items, seen)
    await feed.close()
    assert seen.histories == {}
    assert first.points == 61 and first.step_seconds == 60.0
    assert {"util_percent/0", "power_watts/7", "cpu_percent", "memory_total_bytes"} <= set(first.names)
    place = first.names.index("memory_used_bytes/2")
    values = array("f", bytes(first.values))[place * 61 : (place + 1) * 61]
    assert values[-1] == 60_200 * 2**20 and math.isnan(values[0])


async def test_the_load_is_told_with_what_the_server_says_of_itself(server: PrometheusServer) -> None:
    seen = await one_turn(server, Memory())
    assert seen.load is not None
    requests = {one.what: one for one in seen.load.requests}
    util = requests["util_percent (slim)"]
    assert util.rows == 24 and util.size_bytes > 1000 and util.seconds > 0.0
    assert util.server_seconds is not None and util.server_samples == 24
    assert requests["alerts"].server_seconds is None


async def test_names_that_are_no_machine_are_counted_and_shown_harmlessly(server: PrometheusServer) -> None:
    sample = ({"Hostname": "\x1b]0;x\x07", "gpu": "0"}, 1.0)
    server.say = {
        "max by (Hostname, gpu, gpu_id) (DCGM_FI_DEV_GPU_UTIL{})": vector(sample, ({"Hostname": "gpu1", "gpu": "1"}, 5))
    }
    seen = await one_turn(server, Memory())
    assert seen.rows is not None and "gpu1" in seen.rows.hosts
    assert seen.check("answers").detail.startswith("1 GPU series name no machine or GPU index, such as ␛]0;x")


async def test_insecure_is_said() -> None:
    feed = PrometheusFeed(context("https://127.0.0.1:1", insecure=True), Memory())
    findings = list(feed._checks._connection())
    await feed.close()
    assert [(one.name, one.state) for one in findings] == [("certificate", "warning")]


async def test_rows_that_carry_both_spellings_or_only_an_instance_are_one_fleet(server: PrometheusServer) -> None:
    at = 1_700_000_000.0
    names = ("Hostname", "hostname", "instance", "job")
    where = [("a", "", "a:9400", "j"), ("", "b", "b:9400", "j"), ("", "", "c:9400", "j")]
    census = [(dict(zip(names, one, strict=True)), at - 5.0) for one in where]
    rows: list[tuple[dict[str, str], float]] = [
        ({"Hostname": "a", "instance": "a:9400", "gpu": "0"}, 1.0),
        ({"hostname": "b", "instance": "b:9400", "gpu": "0"}, 2.0),
        ({"instance": "c:9400", "gpu": "0"}, 3.0),
    ]
    server.say = {
        "time()": Reply(b'{"status":"success","data":{"resultType":"scalar","result":[1700000000,"1700000000"]}}'),
        "max by (Hostname, hostname, instance, job)": vector(*census),
        "max by (Hostname, hostname, instance, gpu, gpu_id) (DCGM_FI_DEV_GPU_UTIL{})": vector(*rows),
    }
    seen = await one_turn(server, Memory())
    assert seen.rows is not None and seen.rows.hosts == ("a", "b", "c")
    assert [seen.values("util_percent", host) for host in "abc"] == [[1.0], [2.0], [3.0]]
    assert seen.values("age_seconds", "b") == [5.0]
