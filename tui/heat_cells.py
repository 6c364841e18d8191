"""What each GPU's cell looks like: a glyph and a role, for one metric, from the store alone.

A state is never told by colour only: a level is a bar's height, a fault is `✕`, no data is `·`, stale data is `░`.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass

from crashcart.backends.model import Node
from crashcart.ops.fields import Scene
from crashcart.ops.store import GpuTable, Store

from .heat_layout import Tile
from .heat_metrics import BARS, LEVELS, HeatMetric, throttle_role, xid_role
from .palette import SERIES

Glyph = tuple[str, str]
"""A character and its role; `heat-0` to `heat-7`, `load-N` and `series-N` are roles too."""

MISSING: Glyph = ("·", "faint")
STALE: Glyph = ("░", "stale")
SAMPLE_STALE_SECONDS = 60.0
"""A sample older than this is not painted as a value; exporters sample every 1 to 30 s."""


_LEVELS: dict[str, tuple[Glyph, ...]] = {
    ramp: tuple((BARS[level], f"{ramp}-{level}") for level in range(LEVELS)) for ramp in ("heat", "load")
}
_BAD: dict[str, Glyph] = {"ok": ("▁", "faint"), "warn": ("▲", "warn"), "crit": ("✕", "crit")}


@dataclass(slots=True)
class CellReader:
    """Reads cells of tiles for one metric; made anew for every repaint, so nothing in it goes stale."""

    scene: Scene
    metric: HeatMetric

    def cells(self, tile: Tile) -> list[Glyph]:
        """One glyph for each GPU of the tile."""
        if self.metric.column is None:
            return self._allocation(tile)
        store = self.scene.store
        table = store.gpus.get(tile.cluster)
        if table is None or tile.host not in table.offsets:
            return [MISSING] * tile.gpus
        count = table.counts[tile.host]
        if store.freshness(tile.cluster, table.rows.source, self.scene.now) != "live":
            return [STALE] * min(count, tile.gpus) + [MISSING] * (tile.gpus - count)
        read = self._reader(table)
        start = table.offsets[tile.host]
        return [read(start + gpu) if gpu < count else MISSING for gpu in range(tile.gpus)]

    def _reader(self, table: GpuTable) -> Callable[[int], Glyph]:
        """From a row of the table to a glyph."""
        metric = self.metric
        column = table.columns.get(metric.column or "")
        if column is None:
            return lambda row: MISSING
        ages = table.columns.get("age_seconds")
        if metric.id == "xid":
            glyph: Callable[[int, float], Glyph] = lambda row, value: _BAD[xid_role(value)]  # noqa: E731
        elif metric.id == "throttle":
            glyph = lambda row, value: _BAD[throttle_role(value)]  # noqa: E731
        elif metric.id == "memory":
            totals = table.columns.get("memory_total_bytes")
            glyph = lambda row, value: _memory(value, totals[row] if totals else 0.0)  # noqa: E731
        else:
            scale, low, level = LEVELS / (metric.high - metric.low), metric.low, _LEVELS[metric.ramp]
            glyph = lambda row, value: level[max(0, min(LEVELS - 1, int((value - low) * scale)))]  # noqa: E731

        def read(row: int) -> Glyph:
            value = column[row]
            if value != value:  # noqa: PLR0124 - NaN is "missing"
                return MISSING
            if ages is not None and ages[row] > SAMPLE_STALE_SECONDS and metric.id != "age":
                return STALE
            return glyph(row, value)

        return read

    def _allocation(self, tile: Tile) -> list[Glyph]:
        scene = self.scene
        node = scene.store.nodes.get(tile.key)
        if node is None:
            return [MISSING] * tile.gpus
        stale = scene.store.is_stale(node, scene.now)
        used = used_gpus(node)
        faults = _faults(scene.store, tile)
        return [self._allocated(node, tile, gpu, used, faults, stale) for gpu in range(tile.gpus)]

    def _allocated(
        self, node: Node, tile: Tile, gpu: int, used: frozenset[int] | None, faults: frozenset[int], stale: bool
    ) -> Glyph:
        busy = used is not None and gpu in used
        if stale:
            return ("▒", "stale") if busy else STALE
        if node.is_down or gpu in faults:
            return ("✕", "crit")
        if used is None:
            return MISSING
        if busy:
            job = self.scene.joins.job_on_gpu(tile.cluster, tile.name, gpu)
            return ("■", series(job.key) if job else "text")
        return ("□", "warn" if node.is_draining else "faint")


def used_gpus(node: Node) -> frozenset[int] | None:
    """Indexes in use; where only their number is known, the first ones stand for them."""
    if node.gpus_used_indexes is not None:
        return frozenset(node.gpus_used_indexes)
    return None if node.gpus_used is None else frozenset(range(node.gpus_used))


def series(key: str) -> str:
    """One of a few colours for a job: the same job has the same everywhere."""
    return f"series-{zlib.crc32(key.encode()) % SERIES}"


def _memory(used: float, total: float) -> Glyph:
    return _LEVELS["load"][max(0, min(LEVELS - 1, int(used * LEVELS / total)))] if total > 0 else MISSING


def _faults(store: Store, tile: Tile) -> frozenset[int]:
    """GPUs whose last Xid is a hardware one."""
    table = store.gpus.get(tile.cluster)
    column = None if table is None else table.columns.get("xid")
    if table is None or column is None or tile.host not in table.offsets:
        return frozenset()
    start = table.offsets[tile.host]
    count = min(table.counts[tile.host], tile.gpus)
    return frozenset(gpu for gpu in range(count) if (x := column[start + gpu]) == x and xid_role(x) == "crit")


def whole_node(cells: list[Glyph]) -> Glyph:
    """The cell that stands for a whole node: a fault before all, then stale, then how full or how high it is."""
    for role in ("crit", "warn", "stale"):
        for cell in cells:
            if cell[1] == role:
                return cell
    levels = [(int(role[5:]), role[:4]) for _, role in cells if role.startswith(("heat-", "load-"))]
    if levels:
        return _LEVELS[levels[0][1]][round(sum(level for level, _ in levels) / len(levels))]
    known = [cell for cell in cells if cell != MISSING]
    if not known:
        return MISSING
    busy = [cell for cell in known if cell[0] == "■"]
    if len(busy) == len(known):
        return busy[0]
    return ("◧", busy[0][1]) if busy else known[0]
