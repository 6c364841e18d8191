"""The last hour of a simulated machine: its GPUs and itself, ending in the values that are shown now."""

from __future__ import annotations

from collections.abc import Callable

from .entities import CPUS_A_GPU
from .gpu_faults import shown
from .loads import GB
from .metrics import FAST, SLOW
from .past import host_answered, load_at
from .protocol import Past
from .samples import NAN, SampleTables, floats
from .shape import CPUS, MEMORY_BYTES
from .simulation import Simulation
from .state import SimNode

STEP_SECONDS = 60.0
POINTS = 61
GPU_METRICS = (*FAST, *SLOW, "memory_used_bytes", "throttle_reasons")


class HostHistory:
    """Histories of machines. The same time is told in the same way whenever it is asked for."""

    def __init__(self, sim: Simulation, tables: SampleTables) -> None:
        self._sim = sim
        self._tables = tables

    def of(self, node: SimNode, until: float, died: float | None = None) -> Past:
        """One hour until the last whole minute at or before `until`; nothing is known from Prometheus' death on."""
        start = until // STEP_SECONDS * STEP_SECONDS - (POINTS - 1) * STEP_SECONDS
        times = [start + STEP_SECONDS * point for point in range(POINTS)]
        series: dict[str, list[float]] = {}
        known = [died is None or when < died for when in times]
        loads = [
            [load_at(node, gpu, when) if is_known else "gone" for when, is_known in zip(times, known, strict=True)]
            for gpu in range(len(node.owners))
        ]
        for gpu, of_gpu in enumerate(loads):
            series |= self._gpu(node, gpu, times, of_gpu)
        answered = [is_known and host_answered(node, when) for when, is_known in zip(times, known, strict=True)]
        series |= self._host(node, times, answered, list(zip(*loads, strict=True)))
        values = b"".join(floats(values) for values in series.values())
        return Past(f"host:{node.name}", start, STEP_SECONDS, tuple(series), memoryview(values))

    def _gpu(self, node: SimNode, gpu: int, times: list[float], loads: list[str]) -> dict[str, list[float]]:
        row, begin, value = node.index * len(node.owners) + gpu, self._sim.timeline.start, self._tables.value
        series = {
            f"{metric}/{gpu}": [value(load, metric, when - begin, row) for when, load in zip(times, loads, strict=True)]
            for metric in GPU_METRICS
        }
        fault = node.faults.get(gpu)
        if fault is None:
            return series
        for point, (when, load) in enumerate(zip(times, loads, strict=True)):
            if when >= fault.at and load != "gone":
                for metric, broken in shown(fault, load).items():
                    if metric in GPU_METRICS:
                        series[f"{metric}/{gpu}"][point] = broken
        return series

    def _host(
        self, node: SimNode, times: list[float], answered: list[bool], loads: list[tuple[str, ...]]
    ) -> dict[str, list[float]]:
        series: dict[str, list[float]] = {metric: [] for metric in HOST_METRICS}
        for when, is_known, of_gpus in zip(times, answered, loads, strict=True):
            if not is_known:
                for values in series.values():
                    values.append(NAN)
                continue
            minute = int((when - self._sim.timeline.start) // STEP_SECONDS) * 5 % 8
            wobble = 1.0 + 0.02 * self._tables.noise(minute, node.index)
            busy = [load for load in of_gpus if load not in ("idle", "gone")]
            for metric, tell in HOST_METRICS.items():
                series[metric].append(tell(node, busy, wobble))
        return series


def _share(busy: list[str], node: SimNode) -> float:
    return len(busy) / len(node.owners)


def _cpus(busy: list[str]) -> float:
    return float(min(CPUS, len(busy) * CPUS_A_GPU))


def _moved(busy: list[str], **rates: float) -> float:
    """Bytes per second that the GPUs' work moves, `rates` in GB/s a GPU by load."""
    return sum(rates.get(load, 0.0) for load in busy) * GB


def _ports_down(node: SimNode) -> float:
    return float("mlx5_3" in (node.failed_check or ""))


HOST_METRICS: dict[str, Callable[[SimNode, list[str], float], float]] = {
    "cpu_percent": lambda node, busy, wobble: min(100.0, (1.5 + 31.0 * _share(busy, node)) * wobble),
    "load": lambda node, busy, wobble: (0.7 + _cpus(busy) * 0.31) * wobble,
    "memory_available_bytes": lambda node, busy, wobble: MEMORY_BYTES * (63 / 64 - _share(busy, node) / 2),
    "memory_total_bytes": lambda node, busy, wobble: float(MEMORY_BYTES),
    "disk_free_percent": lambda node, busy, wobble: 86.0,
    "disk_read_bytes_per_second": lambda node, busy, wobble: _moved(busy, light=0.09, serve=0.02) * wobble,
    "disk_write_bytes_per_second": lambda node, busy, wobble: 4e6 + _moved(busy, light=0.05) * wobble,
    "network_receive_bytes_per_second": lambda node, busy, wobble: (
        2e6 + _moved(busy, train=0.11, moe=0.14, hot=0.08, serve=0.06, light=0.03) * wobble
    ),
    "network_transmit_bytes_per_second": lambda node, busy, wobble: (
        1e6 + _moved(busy, save=1.4, serve=0.09, light=0.01) * wobble
    ),
    "network_errors_per_second": lambda node, busy, wobble: 0.0,
    "infiniband_receive_bytes_per_second": lambda node, busy, wobble: _moved(busy, train=17, moe=26, hot=11) * wobble,
    "infiniband_transmit_bytes_per_second": lambda node, busy, wobble: _moved(busy, train=17, moe=26, hot=11) * wobble,
    "infiniband_ports_down": lambda node, busy, wobble: _ports_down(node),
    "infiniband_link_downed": lambda node, busy, wobble: 4.0 * _ports_down(node),
    "oom_kills": lambda node, busy, wobble: 0.0,
}
"""What each host metric is, from the loads of the busy GPUs; it agrees with what the scheduler tells of the node."""
