"""What each GPU's cell looks like: a glyph and a role, for one metric, from the store alone.

A state is never told by colour only: a level is a bar's height, a fault is `✕`, no data is `·`, stale data is `░`.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from functools import lru_cache

from crashcart.backends.model import Node
from crashcart.ops.fields import Scene
from crashcart.ops.gpu_table import GpuTable
from crashcart.ops.joins import GpuOwner

from .heat_layout import Tile
from .heat_metrics import BARS, LEVELS, HeatMetric, throttle_role, xid_role
from .palette import SERIES

Glyph = tuple[str, str]
"""A character and its role; `heat-0` to `heat-7`, `load-N` and `series-N` are roles too."""

MISSING: Glyph = ("·", "faint")
STALE: Glyph = ("░", "stale")
STALE_BUSY: Glyph = ("▒", "stale")
DOWN: Glyph = ("✕", "crit")
SAMPLE_STALE_SECONDS = 60.0
"""A sample older than this is not painted as a value; exporters sample every 1 to 30 s."""

_LEVELS: dict[str, tuple[Glyph, ...]] = {
    ramp: tuple((BARS[level], f"{ramp}-{level}") for level in range(LEVELS)) for ramp in ("heat", "load")
}
_BAD: dict[str, Glyph] = {"ok": ("▁", "faint"), "warn": ("▲", "warn"), "crit": DOWN}


class CellReader:
    """Reads cells of tiles for one metric at one moment."""

    def __init__(self, scene: Scene, metric: HeatMetric) -> None:
        self._scene = scene
        self._metric = metric
        self._fresh: dict[tuple[str, str], bool] = {}

    def cells(self, tile: Tile) -> list[Glyph]:
        """One glyph for each GPU of the tile."""
        if self._metric.column is None:
            return self._allocation(tile)
        table = self._scene.store.gpus.get(tile.cluster)
        if table is None or tile.host not in table.offsets:
            return [MISSING] * tile.gpus
        count = min(table.counts[tile.host], tile.gpus)
        missing = [MISSING] * (tile.gpus - count)
        if not self._is_fresh(tile.cluster, table.rows.source):
            return [STALE] * count + missing
        start = table.offsets[tile.host]
        return self._read(table, range(start, start + count)) + missing

    def node_cell(self, tile: Tile) -> Glyph:
        """`whole_node` of the tile's cells; for the allocation without asking who owns each GPU."""
        node = self._scene.store.nodes.get(tile.key)
        used = None if node is None else used_gpus(node)
        plain = self._metric.column is None and node is not None and used is not None
        if not plain or node is None or used is None or node.is_down or not self._is_fresh(node.cluster, node.source):
            return whole_node(self.cells(tile))
        if self._faults(tile):
            return DOWN
        busy = [gpu for gpu in range(tile.gpus) if gpu in used]
        if node.is_draining and len(busy) < tile.gpus:
            return ("□", "warn")
        if not busy:
            return ("□", "faint")
        glyph, role = _busy(self._scene.joins.owners_on_node(tile.key).get(busy[0]))
        return (glyph if len(busy) == tile.gpus else "◧", role)

    def _is_fresh(self, cluster: str, source: str) -> bool:
        slot = (cluster, source)
        fresh = self._fresh.get(slot)
        if fresh is None:
            fresh = self._fresh[slot] = self._scene.store.freshness(cluster, source, self._scene.now) == "live"
        return fresh

    def _read(self, table: GpuTable, rows: range) -> list[Glyph]:
        """The glyphs of some rows of the table."""
        column = table.columns.get(self._metric.column or "")
        if column is None:
            return [MISSING] * len(rows)
        ages = None if self._metric.id == "age" else table.columns.get("age_seconds")
        glyph = self._glyph(table)
        found: list[Glyph] = []
        for row in rows:
            value = column[row]
            if value != value:  # noqa: PLR0124 - NaN is "missing"
                found.append(MISSING)
            elif ages is not None and ages[row] > SAMPLE_STALE_SECONDS:
                found.append(STALE)
            else:
                found.append(glyph(row, value))
        return found

    def _glyph(self, table: GpuTable) -> Callable[[int, float], Glyph]:
        """From row and value to a glyph."""
        metric = self._metric
        if metric.id == "xid":
            return lambda row, value: _BAD[xid_role(value)]
        if metric.id == "throttle":
            return lambda row, value: _BAD[throttle_role(value)]
        if metric.id == "memory":
            totals = table.columns.get("memory_total_bytes")
            return lambda row, value: _share(value, totals[row] if totals else 0.0)
        levels = _LEVELS[metric.ramp]
        return lambda row, value: levels[metric.level(value)]

    def _allocation(self, tile: Tile) -> list[Glyph]:
        node = self._scene.store.nodes.get(tile.key)
        if node is None:
            return [MISSING] * tile.gpus
        used = used_gpus(node)
        if not self._is_fresh(node.cluster, node.source):
            return [STALE_BUSY if used and gpu in used else STALE for gpu in range(tile.gpus)]
        if node.is_down:
            return [DOWN] * tile.gpus
        free: Glyph = ("□", "warn" if node.is_draining else "faint")
        faults = self._faults(tile)
        if used is None:
            return [DOWN if gpu in faults else MISSING for gpu in range(tile.gpus)]
        owners = self._scene.joins.owners_on_node(tile.key)
        return [DOWN if gpu in faults else _busy(owners.get(gpu)) if gpu in used else free for gpu in range(tile.gpus)]

    def _faults(self, tile: Tile) -> Sequence[int]:
        """GPUs whose last Xid is a hardware one."""
        table = self._scene.store.gpus.get(tile.cluster)
        column = None if table is None else table.columns.get("xid")
        if table is None or column is None or tile.host not in table.offsets:
            return ()
        start = table.offsets[tile.host]
        xids = column[start : start + min(table.counts[tile.host], tile.gpus)].tolist()
        return [gpu for gpu, xid in enumerate(xids) if xid > 0 and xid_role(xid) == "crit"] if any(xids) else ()


def _busy(owner: GpuOwner | None) -> Glyph:
    return ("■", series(owner.job.key) if owner else "text")


def used_gpus(node: Node) -> frozenset[int] | None:
    """Indexes in use; where only their number is known, the first ones stand for them."""
    if node.gpus_used_indexes is not None:
        return frozenset(node.gpus_used_indexes)
    return None if node.gpus_used is None else frozenset(range(node.gpus_used))


@lru_cache(maxsize=4096)
def series(key: str) -> str:
    """One of a few colours for a job: the same job has the same everywhere."""
    return f"series-{zlib.crc32(key.encode()) % SERIES}"


def _share(used: float, total: float) -> Glyph:
    return _LEVELS["load"][max(0, min(LEVELS - 1, int(used * LEVELS / total)))] if total > 0 else MISSING


def whole_node(cells: Sequence[Glyph]) -> Glyph:
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
