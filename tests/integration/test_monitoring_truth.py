"""GPUs, exporters and alerts of a real monitoring, as a cockpit gets to know them through a real collector."""

from __future__ import annotations

import time
from array import array
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from crashcart.backends.model import History

from .monitoring_exporter import BLANK_FP64, BLANK_INT64
from .monitoring_stack import MonitoringStack
from .monitoring_watch import Watch, session, watching

pytestmark = pytest.mark.real

FIRST_SECONDS = 20.0
SOON = 7.0  # two scrapes, two polls, one evaluation, all of 1 s, on a machine that is busy
MIB = 1 << 20


@pytest.fixture
async def lab(monitoring: MonitoringStack, tmp_path: Path) -> AsyncIterator[Watch]:
    """What is known of the three nodes, all of it there and live."""
    async with watching(session(tmp_path, monitoring.tables())) as watch:
        await watch.until("all is known", lambda: is_whole(watch, monitoring), FIRST_SECONDS)
        yield watch


def is_whole(watch: Watch, monitoring: MonitoringStack) -> bool:
    return (
        watch.has_gpus
        and {"power_watts", "memory_temperature_celsius", "xid", "age_seconds"} <= watch.table.columns.keys()
        and set(monitoring.exporters.hosts) <= set(watch.table.counts)
        and watch.freshness("prometheus") == watch.freshness("alertmanager") == "live"
        and bool(watch.alerts("Watchdog"))
    )


def known(watch: Watch, host: str, metric: str = "util_percent") -> list[float | None]:
    return [watch.value(metric, host, gpu) for gpu in range(8)]


def told(watch: Watch, host: str, gpu: int) -> set[str]:
    """The columns in which a GPU has a value."""
    return {metric for metric in watch.table.columns if watch.value(metric, host, gpu) is not None}


async def test_numbers_of_a_gpu_arrive_in_our_units_with_source_and_age(
    lab: Watch, monitoring: MonitoringStack
) -> None:
    def number(metric: str) -> float:
        return float(monitoring.exporters.value(2, 5, f"DCGM_FI_DEV_{metric}"))

    wanted = {
        "util_percent": number("GPU_UTIL"),
        "tensor_percent": 30.0,
        "memory_used_bytes": number("FB_USED") * MIB,
        "temperature_celsius": number("GPU_TEMP"),
        "memory_temperature_celsius": number("MEMORY_TEMP"),
        "power_watts": number("POWER_USAGE"),
        "sm_clock_mhz": number("SM_CLOCK"),
        "memory_clock_mhz": number("MEM_CLOCK"),
        "xid": 0.0,
        "throttle_reasons": 0.0,
        "remapped_correctable": 1.0,
        "remapped_uncorrectable": 0.0,
        "remap_failure": 0.0,
        "pcie_replays": 5.0,
    }
    await lab.until("every column", lambda: wanted.keys() <= lab.table.columns.keys(), FIRST_SECONDS)
    assert {name: lab.value(name, "gpu002", 5) for name in wanted} == pytest.approx(wanted, rel=1e-6)
    assert lab.table.rows.source == "prometheus"
    assert lab.table.counts["gpu002"] == 8
    assert 0.0 <= lab.age("util_percent", "gpu002", 5) < SOON
    assert lab.table.rows.stale_after_seconds < SOON


async def test_a_number_has_the_age_of_its_scrape_and_follows_its_exporter(
    lab: Watch, monitoring: MonitoringStack
) -> None:
    monitoring.exporters.inject(1, 0, "DCGM_FI_DEV_GPU_UTIL", 96)
    await lab.until("the new number", lambda: lab.value("util_percent", "gpu001", 0) == 96.0, SOON)
    scraped = monitoring.number('timestamp(DCGM_FI_DEV_GPU_UTIL{Hostname="gpu001",gpu="0"})')
    when = lab.table.sample_time("util_percent", "gpu001", 0)
    assert when is not None
    assert abs(when - scraped) < SOON
    assert when < time.time(), "no sample is from the future"


async def test_labels_say_who_has_a_gpu(lab: Watch, monitoring: MonitoringStack) -> None:
    await lab.until("owners", lambda: bool(lab.table.owners), FIRST_SECONDS)
    owners = [lab.table.owner("gpu003", gpu) for gpu in range(8)]
    assert owners == [monitoring.exporters.owner(3, gpu) for gpu in range(8)]
    assert owners[0] == "job:1003"
    assert owners[6:] == ["pod:research/train-3", ""]


async def test_what_dcgm_cannot_measure_is_not_known(lab: Watch, monitoring: MonitoringStack) -> None:
    metrics = ("memory_temperature_celsius", "power_watts")
    await lab.until("numbers", lambda: None not in [lab.value(name, "gpu001", 2) for name in metrics], FIRST_SECONDS)
    monitoring.exporters.inject(1, 2, "DCGM_FI_DEV_MEMORY_TEMP", BLANK_INT64)
    monitoring.exporters.inject(1, 2, "DCGM_FI_DEV_POWER_USAGE", BLANK_FP64)
    await lab.until("blanks", lambda: [lab.value(name, "gpu001", 2) for name in metrics] == [None, None], SOON)
    assert lab.value("util_percent", "gpu001", 2) is not None
    assert None not in [lab.value(name, "gpu001", 3) for name in metrics]


async def test_an_xid_is_a_number_at_once_and_an_alert_that_fires(lab: Watch, monitoring: MonitoringStack) -> None:
    monitoring.exporters.inject(2, 4, "DCGM_FI_DEV_XID_ERRORS", 79)
    await lab.until("Xid 79", lambda: lab.value("xid", "gpu002", 4) == 79.0, SOON)
    await lab.until("an alert", lambda: bool(lab.alerts("GpuXidError", "firing", "alertmanager")), SOON)
    (alert,) = lab.alerts("GpuXidError", source="alertmanager")
    labels, annotations = dict(alert.labels), dict(alert.annotations)
    assert (labels["Hostname"], labels["gpu"], alert.severity) == ("gpu002", "4", "critical")
    assert annotations["summary"] == "Xid 79 on gpu002"
    assert alert.receivers == ("pager",)
    assert time.time() - 2 * SOON < alert.since <= time.time()
    assert lab.value("xid", "gpu002", 3) == 0.0


async def test_an_alert_that_waits_is_pending_and_is_no_longer_listed_when_it_is_over(
    lab: Watch, monitoring: MonitoringStack
) -> None:
    monitoring.exporters.inject(1, 1, "DCGM_FI_DEV_GPU_TEMP", 91)
    await lab.until("pending", lambda: bool(lab.alerts("GpuTempHigh", "pending", "prometheus")), SOON)
    assert dict(lab.alerts("GpuTempHigh")[0].labels)["Hostname"] == "gpu001"
    monitoring.exporters.inject(1, 1, "DCGM_FI_DEV_GPU_TEMP", 50)
    await lab.until("over", lambda: not lab.alerts("GpuTempHigh"), SOON)


async def test_an_alert_that_another_inhibits_says_which(lab: Watch, monitoring: MonitoringStack) -> None:
    monitoring.exporters.inject(3, 0, "DCGM_FI_DEV_CLOCK_THROTTLE_REASONS", 0x40)
    await lab.until("firing", lambda: bool(lab.alerts("GpuThrottled", "firing", "alertmanager")), SOON)
    monitoring.exporters.inject(3, 0, "DCGM_FI_DEV_XID_ERRORS", 48)
    await lab.until("inhibited", lambda: bool(lab.alerts("GpuThrottled", "inhibited")), 2 * SOON)
    (xid,) = lab.alerts("GpuXidError", source="alertmanager")
    assert lab.alerts("GpuThrottled", "inhibited")[0].inhibited_by == (xid.fingerprint,)


async def test_a_silenced_alert_says_by_whom_and_until_when(lab: Watch, monitoring: MonitoringStack) -> None:
    monitoring.exporters.inject(1, 7, "DCGM_FI_DEV_XID_ERRORS", 31)
    await lab.until("firing", lambda: bool(lab.alerts("GpuXidError", "firing", "alertmanager")), SOON)
    made = monitoring.silence(alertname="GpuXidError", Hostname="gpu001", comment="INC-43")
    await lab.until("silenced", lambda: bool(lab.alerts("GpuXidError", "silenced")), SOON)
    assert lab.alerts("GpuXidError", "silenced")[0].silenced_by == (made,)
    await lab.until("the silence", lambda: f"lab/{made}" in lab.store.silences, SOON)
    silence = lab.store.silences[f"lab/{made}"]
    assert (silence.state, silence.created_by, silence.comment) == ("active", "test", "INC-43")
    assert 3000 < silence.ends - time.time() < 3700
    monitoring.expire_silences()
    await lab.until("firing again", lambda: bool(lab.alerts("GpuXidError", "firing", "alertmanager")), SOON)


async def test_a_killed_exporter_is_a_target_with_its_error_and_its_numbers_grow_old(
    lab: Watch, monitoring: MonitoringStack
) -> None:
    before = known(lab, "gpu002")
    killed = time.time()
    monitoring.exporters.kill(2)
    await lab.until("a failing target", lambda: lab.target("gpu002:9400") is not None, SOON)
    target = lab.target("gpu002:9400")
    assert target is not None
    assert "connection refused" in target.error
    assert (target.job, target.host, target.source) == ("dcgm-exporter", "gpu002", "prometheus")
    assert abs(target.since - killed) < SOON
    await lab.until("stale", lambda: lab.age("util_percent", "gpu002", 0) > lab.table.rows.stale_after_seconds, 30)
    assert known(lab, "gpu002") == before, "the last values stay"
    assert abs((time.time() - lab.age("util_percent", "gpu002", 0)) - killed) < 2.5, "their age is the true one"
    assert lab.age("util_percent", "gpu001", 0) < SOON
    assert lab.freshness("prometheus") == "live"
    monitoring.exporters.heal()
    await lab.until("back", lambda: lab.target("gpu002:9400") is None, SOON)
    await lab.until("live", lambda: lab.age("util_percent", "gpu002", 0) < SOON, SOON)


@pytest.mark.parametrize(("fault", "error"), [("down", "503"), ("hang", "deadline exceeded")])
async def test_an_exporter_that_answers_wrongly_or_not_at_all_is_a_target_too(
    lab: Watch, monitoring: MonitoringStack, fault: str, error: str
) -> None:
    getattr(monitoring.exporters, fault)(3)
    await lab.until("a failing target", lambda: lab.target("gpu003:9400") is not None, SOON)
    target = lab.target("gpu003:9400")
    assert target is not None
    assert error in target.error
    assert list(lab.store.targets) == ["lab/dcgm-exporter/gpu003:9400"]
    assert None not in known(lab, "gpu003")


async def test_a_gpu_that_vanishes_is_missing_alone(lab: Watch, monitoring: MonitoringStack) -> None:
    before = known(lab, "gpu001")
    monitoring.exporters.vanish(1, 6)
    await lab.until("missing", lambda: not told(lab, "gpu001", 6), SOON)
    assert known(lab, "gpu001") == [*before[:6], None, before[7]]
    assert lab.table.counts["gpu001"] == 8, "its row stays"
    assert told(lab, "gpu001", 5) == told(lab, "gpu001", 7) == set(lab.table.columns)
    assert lab.target("gpu001:9400") is None
    assert lab.age("util_percent", "gpu001", 7) < SOON
    monitoring.exporters.heal()
    await lab.until("back", lambda: known(lab, "gpu001") == before, SOON)


async def test_a_node_exporter_that_dies_is_told_for_each_of_its_hosts(lab: Watch, monitoring: MonitoringStack) -> None:
    monitoring.node_exporter.kill()
    await lab.until("three targets", lambda: len(lab.store.targets) == 3, SOON)
    assert {one.host for one in lab.store.targets.values()} == set(monitoring.exporters.hosts)
    assert {one.job for one in lab.store.targets.values()} == {"node-exporter"}
    monitoring.node_exporter.start()
    await lab.until("back", lambda: not lab.store.targets, SOON)


async def test_scrapes_that_stop_leave_old_numbers_and_never_zeros(lab: Watch, monitoring: MonitoringStack) -> None:
    before = known(lab, "gpu002")
    monitoring.configure(scrape=False)
    monitoring.reload()
    stopped = time.time()
    await lab.until("stale", lambda: lab.age("util_percent", "gpu002", 0) > lab.table.rows.stale_after_seconds, 30)
    await lab.until("older still", lambda: lab.age("util_percent", "gpu002", 0) > 15, 30)
    assert known(lab, "gpu002") == before
    assert abs((time.time() - lab.age("util_percent", "gpu002", 0)) - stopped) < 2.5


def series(history: History, name: str) -> list[float]:
    """The samples of one series, NaN where there is none."""
    values = array("f", bytes(history.values))
    place = history.names.index(name) * history.points
    return list(values[place : place + history.points])


async def test_a_history_comes_for_what_is_looked_at_and_goes_with_the_focus(
    lab: Watch, monitoring: MonitoringStack
) -> None:
    lab.look_at("gpu001", alerts=True)
    await lab.until("a history of the host", lambda: bool(lab.histories("host:gpu001")), SOON)
    await lab.until("a history of alerts", lambda: bool(lab.histories("alerts")), SOON)
    host = lab.histories("host:gpu001")["prometheus"]
    assert {"util_percent/0", "util_percent/7", "memory_available_bytes", "load"} <= set(host.names)
    assert host.step_seconds == 60.0
    assert 0.0 <= time.time() - (host.start + (host.points - 1) * host.step_seconds) <= 60.0 + SOON
    assert series(host, "util_percent/3")[-1] == float(monitoring.exporters.value(1, 3, "DCGM_FI_DEV_GPU_UTIL"))
    assert "Watchdog" in lab.histories("alerts")["prometheus"].names
    assert not lab.histories("host:gpu002")
    lab.look_at("gpu002")
    await lab.until("a history of the other", lambda: bool(lab.histories("host:gpu002")), SOON)
    last = lab.histories("host:gpu001")["prometheus"].when
    first = lab.histories("host:gpu002")["prometheus"].when
    await lab.until("the next one", lambda: lab.histories("host:gpu002")["prometheus"].when > first, 90)
    assert lab.histories("host:gpu001")["prometheus"].when == last, "nobody asks for what nobody looks at"
