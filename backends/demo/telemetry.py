"""GPU columns of the simulated cluster: which load each GPU is under, cut out of tables, faults written over it."""

from __future__ import annotations

import struct
from itertools import repeat

from .loads import GPU_MEMORY_BYTES, LOADS, THROTTLE_IDLE
from .samples import LONGEST_CUT, NAN, SampleTables, floats, turn_at
from .simulation import Simulation
from .state import GpuFault, SimJob, SimNode

MOVING = ("util_percent", "temperature_celsius", "power_watts", "sm_clock_mhz")
STEADY = ("memory_used_bytes", "memory_total_bytes", "xid", "throttle_reasons", "ecc_uncorrected")
METRICS = (*MOVING, *STEADY, "age_seconds")
STRAGGLER_WATTS = 402.0
SILENT_WATTS = 92.0

Stretch = tuple[str, int, int]  # load, first row, number of rows
Patch = tuple[int, float]  # row, value


class Telemetry:
    """All columns at a time; steady ones are built again only when the layout of work and faults has changed."""

    def __init__(self, sim: Simulation, seed: int) -> None:
        self.sim = sim
        self._gpus = sim.shape.gpus_per_node
        self._rows = sim.shape.nodes * self._gpus
        self._tables = SampleTables(seed, self._rows)
        self._layout = -1
        self._stretches: list[Stretch] = []
        self._patches: dict[str, list[Patch]] = {}
        self._frozen: dict[int, dict[str, bytes]] = {}
        self._steady: dict[str, bytes] = {}
        self._steady_since: dict[str, int] = {}

    def columns(self, now: float, *, since: int = -1) -> dict[str, bytes]:
        """Metric to float32 bytes in row order; steady ones only if they changed after revision `since`."""
        self.refresh()
        seconds = now - self.sim.timeline.start
        columns = {metric: self._moving(metric, seconds) for metric in MOVING}
        columns["age_seconds"] = self._ages(now)
        columns |= {metric: self._steady[metric] for metric, at in self._steady_since.items() if at > since}
        return columns

    def refresh(self) -> None:
        """Take in where work and faults are now."""
        if self._layout == self.sim.layout:
            return
        self._layout = self.sim.layout
        self._freeze_silent_exporters()
        self._stretches = _cut(merged(self.sim))
        self._patches = _patches(self.sim)
        for metric, values in self._build_steady().items():
            if values != self._steady.get(metric):
                self._steady[metric] = values
                self._steady_since[metric] = self.sim.journal.revision

    def of_node(self, node: SimNode, now: float) -> dict[str, tuple[float, ...]]:
        """Metric to one value a GPU; NaN where it is missing."""
        shape, start = f"<{self._gpus}f", node.index * self._gpus * 4
        columns = self.columns(now)
        return {metric: struct.unpack_from(shape, column, start) for metric, column in columns.items()}

    def _join(self, metric: str, turn: int) -> bytearray:
        cut = self._tables.cut
        parts = [cut(load, metric, turn, first, count) for load, first, count in self._stretches]
        return bytearray(b"").join(parts)

    def _moving(self, metric: str, seconds: float) -> bytes:
        pace = getattr(LOADS["train"], metric).pace
        column = self._join(metric, turn_at(seconds, pace))
        self._overwrite(column, metric)
        return bytes(column)

    def _overwrite(self, column: bytearray, metric: str) -> None:
        for row, value in self._patches.get(metric, ()):
            struct.pack_into("<f", column, row * 4, value)
        for index, samples in self._frozen.items():
            start = index * self._gpus * 4
            column[start : start + self._gpus * 4] = samples[metric]

    def _build_steady(self) -> dict[str, bytes]:
        memory = self._join("memory_used_bytes", 0)
        total = bytearray(floats([float(GPU_MEMORY_BYTES)]) * self._rows)
        zero = floats([0.0])
        throttle = bytearray(b"").join(
            floats([NAN if load == "gone" else float(LOADS[load].throttle_reasons)]) * count
            for load, _, count in self._stretches
        )
        columns = {
            "memory_used_bytes": memory,
            "memory_total_bytes": total,
            "xid": bytearray(zero * self._rows),
            "throttle_reasons": throttle,
            "ecc_uncorrected": bytearray(zero * self._rows),
        }
        for metric, column in columns.items():
            self._overwrite(column, metric)
        return {metric: bytes(column) for metric, column in columns.items()}

    def _ages(self, now: float) -> bytes:
        column = bytearray(self._rows * 4)
        for row, value in self._patches.get("age_seconds", ()):
            struct.pack_into("<f", column, row * 4, value)
        for index in self._frozen:
            since = self.sim.nodes[index].exporter_down_at
            age = floats([now - since if since is not None else 0.0]) * self._gpus
            column[index * self._gpus * 4 : (index + 1) * self._gpus * 4] = age
        return bytes(column)

    def _freeze_silent_exporters(self) -> None:
        """An exporter that went silent keeps showing what it showed when it did."""
        silent = {n.index for n in self.sim.nodes if n.exporter_down_at is not None and n.is_reachable}
        for index in self._frozen.keys() - silent:
            del self._frozen[index]
        for index in silent - self._frozen.keys():
            self._frozen[index] = self._last_samples(self.sim.nodes[index])

    def _last_samples(self, node: SimNode) -> dict[str, bytes]:
        first = node.index * self._gpus
        loads = [load_of(node, owner, is_silent=True) for owner in node.owners]
        samples = {
            metric: b"".join(self._tables.cut(load, metric, 0, first + gpu, 1) for gpu, load in enumerate(loads))
            for metric in (*MOVING, "memory_used_bytes")
        }
        zeros = floats([0.0] * self._gpus)
        throttle = floats([float(LOADS[load].throttle_reasons) for load in loads])
        total = floats([float(GPU_MEMORY_BYTES)] * self._gpus)
        return samples | {
            "memory_total_bytes": total,
            "xid": zeros,
            "ecc_uncorrected": zeros,
            "throttle_reasons": throttle,
        }


def load_of(node: SimNode, owner: SimJob | None, *, is_silent: bool = False) -> str:
    """The load that a GPU of this node is under; "gone" when nobody can read it."""
    if not node.is_reachable and not is_silent:
        return "gone"
    if owner is None or owner.state == "PENDING":
        return "idle"
    if owner.hung_since is not None:
        return "hang"
    if owner.is_saving:
        return "save"
    if node.hot_since is not None and owner.recipe.load in ("train", "moe"):
        return "hot"
    return owner.recipe.load


def merged(sim: Simulation) -> list[Stretch]:
    """Neighbouring GPUs under the same load, as few stretches as possible."""
    stretches: list[Stretch] = []
    load, first, count = "", 0, 0
    gpus = sim.shape.gpus_per_node
    for node in sim.nodes:
        owners = node.owners
        row = node.index * gpus
        uniform = owners.count(owners[0]) == gpus
        for gpu, owner in enumerate(owners[:1] if uniform else owners):
            width = gpus if uniform else 1
            now = load_of(node, owner)
            if now == load:
                count += width
                continue
            if count:
                stretches.append((load, first, count))
            load, first, count = now, row + gpu, width
    stretches.append((load, first, count))
    return stretches


def _cut(stretches: list[Stretch]) -> list[Stretch]:
    """The same, none longer than the tables allow."""
    return [
        (load, start, min(LONGEST_CUT, first + count - start))
        for load, first, count in stretches
        for start in range(first, first + count, LONGEST_CUT)
    ]


def _patches(sim: Simulation) -> dict[str, list[Patch]]:
    patches: dict[str, list[Patch]] = {metric: [] for metric in METRICS}
    gpus = sim.shape.gpus_per_node
    for node in sim.nodes:
        if not node.is_reachable:
            for metric in METRICS:
                patches[metric].extend(zip(range(node.index * gpus, (node.index + 1) * gpus), repeat(NAN)))
            continue
        for gpu, fault in node.faults.items():
            for metric, value in _fault_values(fault, node.owners[gpu]).items():
                patches[metric].append((node.index * gpus + gpu, value))
    return patches


def _fault_values(fault: GpuFault, owner: SimJob | None) -> dict[str, float]:
    """What a broken GPU shows in place of what its load would show."""
    if fault.is_lost:
        return {**dict.fromkeys((*MOVING, *STEADY), NAN), "xid": float(fault.xid)}
    values = {"xid": float(fault.xid), "ecc_uncorrected": float(fault.ecc_uncorrected)}
    is_working = owner is not None and owner.state == "RUNNING"
    if fault.sm_clock_mhz is not None and is_working:
        values |= {"sm_clock_mhz": fault.sm_clock_mhz, "power_watts": STRAGGLER_WATTS}
    if fault.is_silent and owner is not None and owner.hung_since is not None:
        values |= {"util_percent": 0.0, "power_watts": SILENT_WATTS, "throttle_reasons": float(THROTTLE_IDLE)}
    return values
