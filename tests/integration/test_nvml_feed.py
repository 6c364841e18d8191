"""The nvml feed on a stand-in for NVIDIA's library, through the real ctypes calls: numbers, faults, a sick driver."""

from __future__ import annotations

import asyncio
import getpass
import math
from array import array
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from crashcart.backends.contract import Context
from crashcart.backends.errors import Unsupported
from crashcart.backends.model import Batch, Check, GpuColumn, GpuOwners, GpuRows, Item
from crashcart.backends.nvml.feed import NvmlFeed
from crashcart.backends.nvml.memory import Memory
from crashcart.backends.nvml.options import Options
from crashcart.backends.nvml.processes import ProcessTable
from crashcart.backends.testing import Turns
from crashcart.ops.links import SessionLinks
from crashcart.ops.session import ClusterSession
from tests.nvml_stand_in.build import GIB, VARIABLE, StandIn, build

SECONDS = 20.0


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def gpus(library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """Four H100 under load."""
    monkeypatch.setenv(VARIABLE, str(tmp_path / "gpus"))
    yield StandIn(library, tmp_path / "gpus")


class Watch:
    """What the feed has told so far."""

    def __init__(self, feed: NvmlFeed) -> None:
        self._turns = Turns(0)
        self._items = feed.watch(self._turns)
        self.rows: GpuRows | None = None
        self.columns: dict[str, list[float]] = {}
        self.owners: tuple[str, ...] = ()
        self.checks: dict[str, Check] = {}

    async def turn(self) -> None:
        """One more look, to its end."""
        self._turns.give()
        ages = False
        async with asyncio.timeout(SECONDS):
            while not ages:
                item = await anext(self._items)
                self._take(item)
                is_last = isinstance(item, GpuColumn) and item.metric == "age_seconds"
                ages = is_last or (isinstance(item, Batch) and self.rows is None and self.checks["nvml"].state != "ok")

    def _take(self, item: Item) -> None:
        match item:
            case GpuRows():
                self.rows, self.columns = item, {}
            case GpuColumn():
                assert self.rows is not None and item.generation == self.rows.generation
                self.columns[item.metric] = array("f", item.values.cast("f")).tolist()
            case GpuOwners():
                self.owners = item.owners
            case Batch():
                assert item.complete and item.kind == "check"
                self.checks = {check.name: check for check in item.upserts if isinstance(check, Check)}

    @property
    def nvml(self) -> Check:
        return self.checks["nvml"]

    def value(self, metric: str, gpu: int = 0) -> float:
        return self.columns[metric][gpu]

    async def close(self) -> None:
        await self._items.aclose()


@asynccontextmanager
async def watching(
    gpus: StandIn, memory: Memory | None = None, processes: ProcessTable | None = None, **options: Any
) -> AsyncIterator[Watch]:
    given = Options(library=str(gpus.library), host="gpu007", **options)
    context = Context("lab", given, SessionLinks(ClusterSession(name="lab")))
    feed = NvmlFeed(context, memory or Memory(), processes)
    watch = Watch(feed)
    try:
        yield watch
    finally:
        await watch.close()
        await feed.close()


async def test_every_number_of_a_healthy_gpu_is_told(gpus: StandIn) -> None:
    async with watching(gpus) as watch:
        await watch.turn()
        assert watch.rows is not None
        assert (watch.rows.hosts, watch.rows.counts, watch.rows.source) == (("gpu007",), (4,), "nvml")
        told = {metric: values[0] for metric, values in watch.columns.items()}
    assert told == pytest.approx(
        {
            "util_percent": 97,
            "memory_used_bytes": 63 * GIB,
            "memory_total_bytes": 80 * GIB,
            "temperature_celsius": 64,
            "memory_temperature_celsius": 71,
            "temperature_margin_celsius": 23,
            "power_watts": 652.31,
            "power_limit_watts": 700,
            "sm_clock_mhz": 1755,
            "memory_clock_mhz": 2619,
            "xid": 0,
            "throttle_reasons": 4,
            "ecc_corrected": 3,
            "ecc_uncorrected": 0,
            "remapped_correctable": 1,
            "remapped_uncorrectable": 0,
            "remap_failure": 0,
            "nvlink_errors": 7,
            "pcie_replays": 2,
            "age_seconds": 0,
        }
    )
    assert watch.nvml.state == "ok"
    assert watch.nvml.detail == "driver 580.95.05, 4 NVIDIA H100 80GB HBM3"


async def test_traffic_is_the_growth_of_counters(gpus: StandIn) -> None:
    async with watching(gpus) as watch:
        await watch.turn()
        assert "nvlink_bytes_per_second" not in watch.columns, "nothing to compare with"
        gpus.gpu(1, "field.138", 1000 + (1 << 20))
        gpus.gpu(1, "field.198", 4096 + 5_000_000)
        await watch.turn()
        assert watch.value("nvlink_bytes_per_second", 0) == 0
        assert watch.value("nvlink_bytes_per_second", 1) > 0
        ratio = watch.value("nvlink_bytes_per_second", 1) / watch.value("pcie_bytes_per_second", 1)
        assert ratio == pytest.approx((1 << 30) / 5_000_000, rel=0.01)
        gpus.gpu(1, "field.138", 10)
        await watch.turn()
        assert math.isnan(watch.value("nvlink_bytes_per_second", 1)), "set back: it begins anew"


async def test_a_driver_without_pcie_counters_is_asked_for_its_own_measurement(gpus: StandIn) -> None:
    for field in ("field.197", "field.198"):
        gpus.gpu("*", field, None)
    gpus.gpu("*", "pcie.sent", 5120)
    gpus.gpu("*", "pcie.received", 7340)
    async with watching(gpus) as watch:
        await watch.turn()
        assert watch.value("pcie_bytes_per_second") == 12_460_000


async def test_what_a_gpu_does_not_support_is_missing_and_no_more(gpus: StandIn) -> None:
    gpus.gpu(2, "fail.nvmlDeviceGetPowerUsage", 3)
    gpus.gpu("*", "fail.nvmlDeviceGetRemappedRows", 3)
    async with watching(gpus) as watch:
        await watch.turn()
        assert math.isnan(watch.value("power_watts", 2)) and watch.value("power_watts", 1) > 0
        assert watch.value("util_percent", 2) == 97
        assert "remap_failure" not in watch.columns, "no GPU has it"
        assert watch.nvml.state == "ok"


async def test_older_drivers_are_read_by_their_older_calls(gpus: StandIn) -> None:
    gpus.gpu("*", "fail.nvmlDeviceGetCurrentClocksEventReasons", 13)
    gpus.gpu("*", "old_reasons", 0x48)
    gpus.gpu("*", "fail.nvmlDeviceGetMemoryInfo_v2", 13)
    gpus.gpu("*", "margin", None)
    gpus.gpu("*", "slowdown", 87)
    async with watching(gpus) as watch:
        await watch.turn()
        assert watch.value("throttle_reasons") == 0x48
        assert watch.value("memory_used_bytes") == 63 * GIB + GIB // 2, "the first version counts what is reserved"
        assert watch.value("temperature_margin_celsius") == 23


async def test_a_lost_gpu_has_no_numbers_but_its_last_xid_and_the_others_go_on(gpus: StandIn) -> None:
    async with watching(gpus) as watch:
        await watch.turn()
        gpus.xid(3, 79)
        gpus.gpu(3, "fail.*", 15)
        await watch.turn()
        told = {metric: values[3] for metric, values in watch.columns.items() if not math.isnan(values[3])}
        assert told == {"xid": 79}
        assert watch.value("util_percent", 2) == 97
        assert watch.nvml.state == "critical"
        assert watch.nvml.detail.startswith("GPU 3 at 00000000:4B:00.0: lost: it fell off the bus; drain the node")
        gpus.gpu(3, "fail.*", None)
        await watch.turn()
        assert watch.value("util_percent", 3) == 97
        assert watch.value("xid", 3) == 79, "the last one, until there is another"


async def test_a_gpu_that_the_driver_no_longer_lists_keeps_its_row(gpus: StandIn) -> None:
    async with watching(gpus) as watch:
        await watch.turn()
        first = watch.rows
        gpus.set(count=3)
        for gpu in (1, 2):  # what was GPU 2 and 3 is now GPU 1 and 2
            gpus.gpu(gpu, "bus", f"00000000:{0x1B + 0x10 * (gpu + 1):02X}:00.0")
            gpus.gpu(gpu, "utilization", 10 * (gpu + 1))
        await watch.turn()
        assert watch.rows == first
        found = watch.columns["util_percent"]
        assert (found[0], found[2], found[3]) == (97, 20, 30) and math.isnan(found[1])
        assert "GPU 1 at 00000000:2B:00.0 is gone" in watch.nvml.detail


async def test_xids_come_by_event_and_the_last_one_stays(gpus: StandIn) -> None:
    memory = Memory()
    async with watching(gpus, memory) as watch:
        await watch.turn()
        gpus.xid(1, 48)
        gpus.xid(1, 63)
        await watch.turn()
        assert watch.columns["xid"] == [0, 63, 0, 0]
    async with watching(gpus, memory) as watch:
        await watch.turn()
        assert watch.columns["xid"] == [0, 63, 0, 0], "a feed that begins anew remembers"


async def test_without_events_no_gpu_is_said_to_be_free_of_xids(gpus: StandIn) -> None:
    gpus.gpu("*", "fail.nvmlDeviceRegisterEvents", 3)
    async with watching(gpus) as watch:
        await watch.turn()
        assert "xid" not in watch.columns
        assert "Xids of 4 GPUs are not told" in watch.nvml.detail


async def test_a_driver_that_is_not_there_is_a_state_and_comes_back(gpus: StandIn) -> None:
    gpus.set(fail_nvmlInit=9)
    async with watching(gpus) as watch:
        await watch.turn()
        assert (watch.nvml.state, watch.rows) == ("critical", None)
        assert "modprobe nvidia" in watch.nvml.detail
        gpus.unset("fail.nvmlInit")
        await watch.turn()
        assert watch.nvml.state == "ok" and watch.value("util_percent") == 97
        gpus.unload_driver()
        await watch.turn()
        assert watch.nvml.state == "critical"
        assert all(math.isnan(value) for value in watch.columns["util_percent"])
        assert all(math.isnan(value) for value in watch.columns["age_seconds"])
        gpus.load_driver()
        await watch.turn()
        assert watch.nvml.state == "ok" and watch.value("util_percent") == 97
        gpus.xid(0, 31)
        await watch.turn()
        assert watch.value("xid") == 31, "events are listened to anew"


async def test_an_upgraded_driver_is_read_with_its_own_library(gpus: StandIn) -> None:
    gpus.set(fail_nvmlInit=18)
    async with watching(gpus) as watch:
        await watch.turn()
        assert "kernel module and library differ" in watch.nvml.detail
        gpus.unset("fail.nvmlInit")
        await watch.turn()
        assert watch.value("util_percent") == 97


async def test_a_hanging_driver_is_named_with_its_call_while_numbers_age(gpus: StandIn) -> None:
    async with watching(gpus, timeout_seconds=0.3) as watch:
        await watch.turn()
        gpus.gpu(2, "wait.nvmlDeviceGetPowerUsage", 1500)
        await watch.turn()
        assert watch.nvml.state == "critical"
        assert "nvmlDeviceGetPowerUsage of GPU 2" in watch.nvml.detail
        assert watch.value("age_seconds") > 0.2
        assert watch.value("util_percent") == 97, "the last known value stays"
        gpus.gpu(2, "wait.nvmlDeviceGetPowerUsage", None)
        while watch.nvml.state != "ok":
            await watch.turn()
        assert watch.value("age_seconds") < 1.0


async def test_a_split_gpu_is_one_gpu_with_the_memory_and_processes_of_its_parts(gpus: StandIn) -> None:
    gpus.gpu(0, "mig", 1)
    gpus.gpu(0, "memory", "")
    gpus.gpu(0, "fail.nvmlDeviceGetUtilizationRates", 3)
    gpus.part(0, 10 * GIB, 40 * GIB)
    gpus.part(0, 5 * GIB, 40 * GIB)
    async with watching(gpus) as watch:
        await watch.turn()
        assert (watch.value("memory_used_bytes"), watch.value("memory_total_bytes")) == (15 * GIB, 80 * GIB)
        assert math.isnan(watch.value("util_percent")) and watch.rows is not None and watch.rows.counts == (4,)


async def test_processes_are_told_with_their_user_and_job(gpus: StandIn, tmp_path: Path) -> None:
    _process(tmp_path / "proc" / "4242", "python3", "0::/system.slice/slurmstepd.scope/job_77/step_0/user/task_0\n")
    _process(tmp_path / "proc" / "4243", "vllm", "0::/user.slice\n")
    gpus.process(0, 4242, 63 * GIB)
    gpus.process(1, 4243, None)
    gpus.process(2, 999_999, GIB)
    processes = ProcessTable(tmp_path / "proc", tmp_path / "pods")
    async with watching(gpus, processes=processes) as watch:
        await watch.turn()
        await watch.turn()
    assert watch.owners == ("job:77", "", "", "")
    user = getpass.getuser()
    assert watch.checks["GPU processes"].detail == (
        f"GPU 0: python3 (4242) of {user}, job 77, 63.0 GiB; GPU 1: vllm (4243) of {user}; "
        "GPU 2: process (999999), 1.0 GiB"
    )


async def test_faults_of_rows_links_and_the_drivers_own_advice_are_said(gpus: StandIn) -> None:
    async with watching(gpus) as watch:
        gpus.gpu(1, "link.4", 0)
        await watch.turn()
        assert watch.nvml.state == "ok", "a link that was never up is how the machine was built"
        gpus.gpu(0, "link.7", 0)
        gpus.gpu(2, "remapped", "0 1 1 0")
        gpus.gpu(3, "field.230", 2)
        await watch.turn()
        assert watch.nvml.state == "critical"
        for words in ("GPU 0: NVLink 7 went down", "GPU 2: row remapping is pending", "recommends to reboot the node"):
            assert words in watch.nvml.detail


async def test_a_machine_without_the_library_says_what_to_do(gpus: StandIn, tmp_path: Path) -> None:
    gpus.library = tmp_path / "nowhere" / "libnvidia-ml.so.1"
    async with watching(gpus) as watch:
        with pytest.raises(Unsupported, match="install the driver, or set library"):
            await watch.turn()


def _process(folder: Path, name: str, groups: str) -> None:
    folder.mkdir(parents=True)
    (folder / "comm").write_text(f"{name}\n")
    (folder / "cgroup").write_text(groups)
