"""What 10,000 GPUs cost: us for reading them, and their Prometheus for being read; printed, judged by people."""

from __future__ import annotations

import asyncio
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from tests.integration.monitoring_service import missing
from tests.integration.monitoring_stack import NEEDED, MonitoringStack
from tests.integration.monitoring_watch import Watch, session, watching
from tests.pty_terminal import cpu_seconds

from .measure import collector_of
from .prometheus_ingest import Ingest

NODES = 1_250
SCRAPE_SECONDS = 15.0
PERIOD_SECONDS = 120.0  # its own work comes in bursts, so that one minute differs from the next
FIRST_SECONDS = 60.0
LOOKED_AT = 8  # machines on a screen in detail
RESULTS = Path("bench-results")
INGEST = Path(__file__).with_name("prometheus_ingest.py")


class Shares(msgspec.Struct):
    """Percent of a core that each process takes."""

    prometheus: float
    collector: float = 0.0


async def period(stack: MonitoringStack, collector: int | None = None) -> Shares:
    """Wait a while and say what was spent in it."""
    pids = [stack.prometheus.pid, *([collector] if collector else [])]
    before, start = [cpu_seconds(pid) for pid in pids], time.monotonic()
    await asyncio.sleep(PERIOD_SECONDS)
    spent = time.monotonic() - start
    return Shares(*((cpu_seconds(pid) - cpu) / spent * 100 for pid, cpu in zip(pids, before, strict=True)))


async def load(stack: MonitoringStack, folder: Path) -> dict[str, Shares]:
    """Without us, with us as we are by default, with machines on the screen, and without us again."""
    found = {"before": await period(stack)}
    async with watching(session(folder, {"prometheus": {"url": stack.prometheus_url}})) as watch:
        await watch.until("all is read once", lambda: is_whole(watch), FIRST_SECONDS)
        await asyncio.sleep(SCRAPE_SECONDS)
        found["with us"] = await period(stack, collector_of(os.getpid()))
        watch.look_at(*stack.exporters.hosts[:LOOKED_AT], alerts=True)
        await watch.until("a history", lambda: bool(watch.histories("host:gpu001")), FIRST_SECONDS)
        found["looked at"] = await period(stack, collector_of(os.getpid()))
        told(watch)
    await asyncio.sleep(SCRAPE_SECONDS)
    found["after"] = await period(stack)
    return found


def told(watch: Watch) -> None:
    """Print what the feed says that it asks: the dearest requests first."""
    requests = watch.store.loads["lab", "prometheus"].requests
    for one in sorted(requests, key=lambda one: -(one.server_seconds or 0.0)):
        server = "" if one.server_seconds is None else f", {one.server_seconds * 1e3:.0f} ms there"
        print(f"{one.what}: every {one.every_seconds:.0f} s, {one.seconds * 1e3:.0f} ms{server}, {one.rows} rows")


def is_whole(watch: Watch) -> bool:
    """Whether the first turn, which reads more than all others, is over."""
    return (
        watch.has_gpus and sum(watch.table.counts.values()) == 8 * NODES and ("lab", "prometheus") in watch.store.loads
    )


def ingest(stack: MonitoringStack) -> Ingest:
    """Measured in a process of its own, where nothing else uses the CPU."""
    done = subprocess.run([sys.executable, str(INGEST), stack.prometheus_url], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return msgspec.json.decode(done.stdout, type=Ingest)


def table(read: Ingest, shares: dict[str, Shares]) -> str:
    """Markdown: what was measured, beside its peer or its floor where it has one, and the bound it is held to."""
    idle = (shares["before"].prometheus + shares["after"].prometheus) / 2
    ours, detail = shares["with us"], shares["looked at"]
    slim, raw = read.slim_peer_ms / read.collector_ms, read.raw_peer_ms / read.collector_ms
    return "\n".join(
        (
            "| 10,000 GPUs on 1,250 nodes | Crashcart | beside it | bound |",
            "|---|---|---|---|",
            f"| CPU for 5 metrics, collector | {read.collector_ms:.0f} ms | prometheus-api-client and dictionaries: "
            f"{read.slim_peer_ms:.0f} ms ({slim:.1f} x) slim, {read.raw_peer_ms:.0f} ms ({raw:.1f} x) raw | 150 ms |",
            f"| CPU for 5 metrics, cockpit | {read.cockpit_ms:.1f} ms | | 10 ms |",
            f"| load on Prometheus | {ours.prometheus - idle:.1f} % of a core | its own work: {idle:.1f} % | 5 % |",
            f"| with {LOOKED_AT} nodes and alerts on screen | {detail.prometheus - idle:.1f} % of a core | | 5 % |",
            f"| collector, all the time | {ours.collector:.1f} % of a core | | |",
        )
    )


@pytest.mark.bench
@pytest.mark.real
async def test_ten_thousand_gpus_are_read_and_their_prometheus_hardly_notices(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    if reason := missing(*NEEDED):
        pytest.skip(f"no monitoring: {reason}")
    with MonitoringStack(tmp_path_factory.mktemp("monitoring"), nodes=NODES, interval=SCRAPE_SECONDS) as stack:
        shares = await load(stack, tmp_path_factory.mktemp("session"))
        read = ingest(stack)
    write_down(read, shares)
    assert read.rows == 8 * NODES


def write_down(read: Ingest, shares: dict[str, Shares]) -> None:
    """Print the table and keep it."""
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, Prometheus scraping every 15 s"
    text = f"{table(read, shares)}\n\nTwo minutes each; {machine}.\n"
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "prometheus.md").write_text(text)
    (RESULTS / "prometheus.json").write_bytes(msgspec.json.encode({"ingest": read, "load": shares, "on": machine}))
    print(f"\n{text}")
