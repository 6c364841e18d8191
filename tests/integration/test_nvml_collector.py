"""GPUs of this machine reach the cockpit through a real collector, and another reader of NVML says the same of them."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from crashcart.ops.collector_link import CollectorLink
from crashcart.ops.gpu_table import GpuTable
from crashcart.ops.session import ClusterSession, Session
from crashcart.ops.store import Store
from tests.nvml_stand_in.build import GIB, VARIABLE, StandIn, build

OTHER_READER = """
import json, nvitop
print(json.dumps([
    {
        "util_percent": device.gpu_utilization(), "memory_used_bytes": device.memory_used(),
        "memory_total_bytes": device.memory_total(), "temperature_celsius": device.temperature(),
        "power_watts": device.power_usage() / 1000, "sm_clock_mhz": device.clock_infos().sm,
    }
    for device in nvitop.Device.all()
]))
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def gpus(library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """Two GPUs that a child process reads too."""
    monkeypatch.setenv(VARIABLE, str(tmp_path / "gpus"))
    return StandIn(library, tmp_path / "gpus", gpus=2)


class Seen:
    """The store of a cockpit whose collector reads this machine's GPUs."""

    def __init__(self) -> None:
        self.store = Store()
        self.changed = asyncio.Event()

    @property
    def table(self) -> GpuTable:
        return self.store.gpus["lab"]

    async def value(self, metric: str, gpu: int, wanted: float | None, seconds: float = 20.0) -> None:
        """Return when the cockpit sees this value."""
        async with asyncio.timeout(seconds):
            while "lab" not in self.store.gpus or self.table.value(metric, "gpu007", gpu) != wanted:
                self.changed.clear()
                await self.changed.wait()


@pytest.fixture
async def seen(gpus: StandIn, tmp_path: Path) -> AsyncIterator[Seen]:
    options = {"library": str(gpus.library), "host": "gpu007", "interval_seconds": 0.5}
    cluster = ClusterSession(name="lab", backends={"nvml": options})
    found = Seen()
    link = CollectorLink(Session(clusters=(cluster,), audit_file=str(tmp_path / "audit.jsonl")))
    task = asyncio.create_task(link.run(found.store, lambda kinds: found.changed.set()))
    yield found
    task.cancel()
    await asyncio.wait({task})


async def test_a_changed_number_an_xid_and_a_lost_gpu_reach_the_cockpit(gpus: StandIn, seen: Seen) -> None:
    await seen.value("util_percent", 1, 97)
    gpus.gpu(1, "utilization", 5)
    await seen.value("util_percent", 1, 5)
    gpus.xid(1, 79)
    await seen.value("xid", 1, 79)
    gpus.gpu(1, "fail.*", 15)
    await seen.value("util_percent", 1, None)
    assert seen.store.checks["lab/nvml/nvml"].state == "critical"
    assert seen.table.value("util_percent", "gpu007", 0) == 97
    assert seen.store.freshness("lab", "nvml", seen.store.last_beat or 0.0) == "live", "no error of the pane"


async def test_nvitop_says_the_same_of_the_same_library(gpus: StandIn, seen: Seen) -> None:
    gpus.gpu(1, "temperature", 91)
    gpus.gpu(1, "memory", f"{7 * GIB} {80 * GIB} {GIB}")
    await seen.value("temperature_celsius", 1, 91)
    other = await asyncio.to_thread(_other_reader, gpus.library.parent)
    for gpu, values in enumerate(other):
        for metric, value in values.items():
            assert seen.table.value(metric, "gpu007", gpu) == pytest.approx(value), (metric, gpu)


def _other_reader(folder: Path) -> list[dict[str, float]]:
    env = {**os.environ, "LD_LIBRARY_PATH": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", OTHER_READER], env=env, capture_output=True, check=True, timeout=60, text=True
    )
    found: list[dict[str, float]] = json.loads(done.stdout)
    return found


async def test_gpus_are_listed_from_the_command_line_without_a_long_wait(gpus: StandIn, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'[cluster.lab.nvml]\nlibrary = "{gpus.library}"\nhost = "gpu007"\n')
    env = {**os.environ, "XDG_STATE_HOME": str(tmp_path)}
    argv = [sys.executable, "-m", "crashcart.tui.cli", "--config", str(config), "get", "gpus", "-o", "json"]
    done = await asyncio.to_thread(subprocess.run, argv, env=env, capture_output=True, timeout=15)
    rows = json.loads(done.stdout)
    assert [(row["host"], row["index"], row["source"]) for row in rows] == [
        ("gpu007", 0, "nvml"),
        ("gpu007", 1, "nvml"),
    ]
    assert [row["util_percent"] for row in rows] == [97, 97]
