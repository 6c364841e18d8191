"""Telemetry with one of every doubt: a GPU that is gone, a slow rank, an exporter that fails, an hour of the past."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator

from crashcart.backends import wire
from crashcart.backends.model import GpuColumn, GpuOwners, GpuRows, History, Target
from tests.entities import float_column

from .clock import START
from .cluster import CLUSTER, GPUS, NODES, listing

LOST = (4, 2)
SLOW = (6, 5)
FALLEN = (7, 4)
SILENT_HOST = 2
SAMPLED = START - 3
ROWS = [(number, gpu) for number in range(1, NODES + 1) for gpu in range(GPUS)]


def _value(metric: str, number: int, gpu: int) -> float:
    """What GPU `gpu` of node `number` says."""
    if number == 8 or ((number, gpu) == LOST and metric != "age_seconds"):
        return 0.0 if metric == "age_seconds" else math.nan
    is_busy = number not in (5, 11, 12) and not (number == 3 and gpu > 3)
    told = {
        "util_percent": 97.0 + gpu % 3 if is_busy else 0.0,
        "tensor_percent": 41.0 if is_busy else 0.0,
        "memory_used_bytes": float((62 if is_busy else 1) << 30),
        "memory_total_bytes": float(80 << 30),
        "temperature_celsius": 61.0 + gpu if is_busy else 31.0,
        "temperature_margin_celsius": 26.0 - gpu if is_busy else 56.0,
        "power_watts": 650.0 + gpu if is_busy else 70.0,
        "power_limit_watts": 700.0,
        "sm_clock_mhz": 1980.0 if is_busy else 345.0,
        "xid": 0.0,
        "throttle_reasons": 4.0 if is_busy else 1.0,
        "ecc_uncorrected": 0.0,
        "ecc_corrected": 12.0,
        "remap_failure": 0.0,
        "remapped_uncorrectable": 0.0,
        "remapped_correctable": 1.0,
        "nvlink_bytes_per_second": 412e9 if is_busy else 0.0,
        "pcie_replays": 3.0,
        "age_seconds": 130.0 if number == SILENT_HOST else 4.0,
    }
    odd = {
        SLOW: {"power_watts": 402.0, "throttle_reasons": 72.0, "sm_clock_mhz": 990.0},
        FALLEN: {"xid": 94.0, "ecc_uncorrected": 2.0, "remapped_uncorrectable": 1.0},
    }
    return odd.get((number, gpu), {}).get(metric, told[metric])


METRICS = (
    "util_percent", "tensor_percent", "memory_used_bytes", "memory_total_bytes", "temperature_celsius",
    "temperature_margin_celsius", "power_watts", "power_limit_watts", "sm_clock_mhz", "xid", "throttle_reasons",
    "ecc_uncorrected", "ecc_corrected", "remap_failure", "remapped_uncorrectable", "remapped_correctable",
    "nvlink_bytes_per_second", "pcie_replays", "age_seconds",
)  # fmt: skip


def telemetry() -> Iterator[wire.Message]:
    """All numbers, the failing exporter of gpu002, and labels that tell owners."""
    hosts = tuple(f"gpu{number:03d}" for number in range(1, NODES + 1))
    yield GpuRows("dcgm", CLUSTER, 2, hosts, (GPUS,) * NODES)
    for metric in METRICS:
        values = [_value(metric, number, gpu) for number, gpu in ROWS]
        yield GpuColumn("dcgm", CLUSTER, 2, metric, SAMPLED, memoryview(float_column(values)))
    yield GpuOwners("dcgm", CLUSTER, 2, SAMPLED, tuple("pod:ml/serve-0" if row == (3, 3) else "" for row in ROWS))
    yield from failing()


def failing() -> Iterator[wire.Message]:
    """The exporter of gpu002 refuses."""
    target = Target(
        cluster=CLUSTER, source="dcgm", when=START - 3, job="dcgm-exporter", instance="gpu002:9400", host="gpu002",
        error="connection refused", since=START - 130, interval_seconds=15.0,
    )  # fmt: skip
    return listing("target", target, origin="dcgm")


def history(host: str = f"gpu{SLOW[0]:03d}", gpu: int = SLOW[1]) -> History:
    """An hour of one GPU and of its machine, with the exporter away for a while in its middle."""

    def past(low: float, high: float) -> list[float]:
        return [math.nan if 25 <= point < 33 else low if point < 40 else high for point in range(60)]

    series = {
        f"util_percent/{gpu}": past(97.0, 98.0),
        f"power_watts/{gpu}": past(651.0, 402.0),
        f"temperature_celsius/{gpu}": past(66.0, 58.0),
        f"memory_used_bytes/{gpu}": past(62.0 * 2**30, 62.0 * 2**30),
        "cpu_percent": past(34.0, 41.0),
        "load": past(61.5, 70.1),
        "memory_available_bytes": past(1.1 * 2**40, 0.9 * 2**40),
        "memory_total_bytes": past(2.0 * 2**40, 2.0 * 2**40),
        "disk_free_percent": past(40.0, 3.0),
        "infiniband_receive_bytes_per_second": past(38e9, 21e9),
        "infiniband_ports_down": past(0.0, 1.0),
    }
    values = array("f", [value for held in series.values() for value in held])
    start = START - 60 * 60
    return History("dcgm", CLUSTER, f"host:{host}", START - 3, start, 60.0, tuple(series), memoryview(values).cast("B"))
