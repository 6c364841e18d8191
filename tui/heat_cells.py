"""What each GPU's cell looks like: a glyph and a role, for one metric, from the store alone.

A state is never told by colour only: a level is a bar's height, a fault is `✕`, a GPU that is missing `∅`, one that
differs from its job `≠`, no data `·`, and what may no longer be true is hatched, darker where it was high.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import lru_cache

from crashcart.backends.model import Node
from crashcart.ops.fields import Scene
from crashcart.ops.gpu_table import GpuTable
from crashcart.ops.joins import GpuOwner

from .heat_layout import Tile
from .heat_metrics import BARS, LEVELS, HeatMetric, xid_role
from .palette import SERIES

Glyph = tuple[str, str]
"""A character and its role; `heat-0` to `heat-7`, `load-N` and `series-N` are roles too."""

NO_DATA: Glyph = ("·", "faint")
MISSING: Glyph = ("∅", "crit")
STALE: Glyph = ("░", "stale")
STALE_BUSY: Glyph = ("▒", "stale")
DOWN: Glyph = ("✕", "crit")
ODD: Glyph = ("≠", "warn")

COMPARED = frozenset(("util", "tensor", "power", "temperature"))
"""Metrics in whose view a GPU that differs from the others of its job is marked."""

NAN = float("nan")

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
        self._glyphs: dict[str, Callable[[int], Glyph]] = {}
        self._missing = scene.joins.gpus.missing()
        self._has_failures = bool(scene.store.targets)

    def cells(self, tile: Tile) -> list[Glyph]:
        """One glyph for each GPU of the tile."""
        if not self._metric.columns:
            return self._allocation(tile)
        table = self._scene.store.gpus.get(tile.cluster)
        if table is None or tile.host not in table.offsets:
            return [NO_DATA] * tile.gpus
        first, count = table.offsets[tile.host], min(table.counts[tile.host], tile.gpus)
        glyph = self._glyph(table)
        found = [glyph(row) for row in range(first, first + count)]
        if self._has_failure(tile) or not self._is_fresh(tile.cluster, table.rows.source):
            return [hatched(cell) for cell in found] + [NO_DATA] * (tile.gpus - count)
        self._hatch_old(table, found, first)
        self._mark_odd(tile, found)
        for gpu in self._missing.get(tile.key, ()):
            if gpu < count:
                found[gpu] = MISSING
        if tile.gpus > count:
            found += [self._beyond(tile)] * (tile.gpus - count)
        return found

    def node_cell(self, tile: Tile) -> Glyph:
        """`whole_node` of the tile's cells; for the allocation without asking who owns each GPU."""
        node = self._scene.store.nodes.get(tile.key)
        used = None if node is None else used_gpus(node)
        plain = not self._metric.columns and node is not None and used is not None
        if not plain or node is None or used is None or node.is_down or not self._is_fresh(node.cluster, node.source):
            return whole_node(self.cells(tile))
        if self._faults(tile):
            return DOWN
        if self._gone(tile):
            return MISSING
        busy = [gpu for gpu in range(tile.gpus) if gpu in used]
        if node.is_draining and len(busy) < tile.gpus:
            return ("□", "warn")
        if not busy:
            return ("□", "faint")
        glyph, role = _busy(self._scene.joins.owners_on_node(tile.key).get(busy[0]))
        return (glyph if len(busy) == tile.gpus else "◧", role)

    # what can be trusted

    def _is_fresh(self, cluster: str, source: str) -> bool:
        slot = (cluster, source)
        fresh = self._fresh.get(slot)
        if fresh is None:
            fresh = self._fresh[slot] = self._scene.store.freshness(cluster, source, self._scene.now) == "live"
        return fresh

    def _has_failure(self, tile: Tile) -> bool:
        return self._has_failures and self._scene.joins.gpus.exporter_failure(tile.key) is not None

    def _hatch_old(self, table: GpuTable, cells: list[Glyph], first: int) -> None:
        ages = table.columns.get("age_seconds")
        if ages is not None:
            limit = table.rows.stale_after_seconds
            for gpu, age in enumerate(ages[first : first + len(cells)].tolist()):
                if age > limit:
                    cells[gpu] = hatched(cells[gpu])

    def _beyond(self, tile: Tile) -> Glyph:
        """Of GPUs that the scheduler counts and the telemetry does not."""
        return MISSING if self._scene.joins.gpus.reports(tile.key) else NO_DATA

    def _gone(self, tile: Tile) -> Collection[int]:
        """GPUs that are missing while their host reports others."""
        table = self._scene.store.gpus.get(tile.cluster)
        if table is None or tile.host not in table.offsets:
            return ()
        gone = self._missing.get(tile.key, frozenset())
        short = table.counts[tile.host] < tile.gpus
        if not (gone or short) or self._has_failure(tile) or not self._is_fresh(tile.cluster, table.rows.source):
            return ()
        if short and self._beyond(tile) == MISSING:
            gone |= frozenset(range(table.counts[tile.host], tile.gpus))
        return gone

    # numbers

    def _mark_odd(self, tile: Tile, cells: list[Glyph]) -> None:
        if self._metric.id in COMPARED:
            joins = self._scene.joins
            for gpu in joins.gpus.outliers_on(tile.key, joins.jobs_on_node(tile.key)):
                if gpu < len(cells) and cells[gpu] != NO_DATA and cells[gpu][1] != "stale":
                    cells[gpu] = ODD

    def _glyph(self, table: GpuTable) -> Callable[[int], Glyph]:
        """From a row of the table to a glyph; worked out once for each table."""
        made = self._glyphs.get(table.rows.cluster)
        if made is None:
            made = self._glyphs[table.rows.cluster] = _reader(self._metric, table)
        return made

    # allocation

    def _allocation(self, tile: Tile) -> list[Glyph]:
        node = self._scene.store.nodes.get(tile.key)
        if node is None:
            return [NO_DATA] * tile.gpus
        used = used_gpus(node)
        if not self._is_fresh(node.cluster, node.source):
            return [STALE_BUSY if used and gpu in used else STALE for gpu in range(tile.gpus)]
        if node.is_down:
            return [DOWN] * tile.gpus
        free: Glyph = ("□", "warn" if node.is_draining else "faint")
        owners = {} if used is None else self._scene.joins.owners_on_node(tile.key)
        cells = [
            NO_DATA if used is None else _busy(owners.get(gpu)) if gpu in used else free for gpu in range(tile.gpus)
        ]
        for gpu in self._gone(tile):
            cells[gpu] = MISSING
        for gpu in self._faults(tile):
            cells[gpu] = DOWN
        return cells

    def _faults(self, tile: Tile) -> Sequence[int]:
        """GPUs whose last Xid is a hardware one."""
        table = self._scene.store.gpus.get(tile.cluster)
        column = None if table is None else table.columns.get("xid")
        if table is None or column is None or tile.host not in table.offsets:
            return ()
        start = table.offsets[tile.host]
        xids = column[start : start + min(table.counts[tile.host], tile.gpus)].tolist()
        return [gpu for gpu, xid in enumerate(xids) if xid > 0 and xid_role(xid) == "crit"] if any(xids) else ()


def _reader(metric: HeatMetric, table: GpuTable) -> Callable[[int], Glyph]:
    """How this metric's glyph is read from a row of this table."""
    columns = [table.columns.get(name) for name in metric.columns]
    if all(column is None for column in columns):
        return lambda row: NO_DATA
    if metric.fault is not None:
        return _fault_reader(metric.fault, columns)
    column = columns[0]
    assert column is not None  # noqa: S101 - a metric with a scale has one column
    if metric.id == "age":
        metric = replace(metric, high=table.rows.stale_after_seconds)
    whole = table.columns.get(metric.of) if metric.of else None
    levels = _LEVELS[metric.ramp]
    if whole is None:
        return lambda row: levels[metric.level(v)] if (v := column[row]) == v else NO_DATA
    return lambda row: _share(column[row], whole[row], levels, metric)


def _fault_reader(role: Callable[..., str], columns: Sequence[memoryview[float] | None]) -> Callable[[int], Glyph]:
    def read(row: int) -> Glyph:
        values = [NAN if column is None else column[row] for column in columns]
        return NO_DATA if all(value != value for value in values) else _BAD[role(*values)]  # noqa: PLR0124

    if len(columns) == 1 and (only := columns[0]) is not None:
        return lambda row: _BAD[role(value)] if (value := only[row]) == value else NO_DATA
    return read


def _share(used: float, total: float, levels: Sequence[Glyph], metric: HeatMetric) -> Glyph:
    """The level of a part of a whole; on the metric's own scale where the whole is not known."""
    if used != used:  # noqa: PLR0124 - NaN
        return NO_DATA
    if total > 0:
        return levels[max(0, min(LEVELS - 1, int(used * LEVELS / total)))]
    return levels[metric.level(used)]


def hatched(cell: Glyph) -> Glyph:
    """A cell that may no longer be true: a fault stays one, a level keeps only whether it was high."""
    glyph, role = cell
    if cell == NO_DATA or role in ("crit", "warn"):
        return cell if cell == NO_DATA else (glyph, "stale")
    is_high = role[-1:].isdigit() and int(role[-1]) >= LEVELS // 2
    return STALE_BUSY if is_high else STALE


def _busy(owner: GpuOwner | None) -> Glyph:
    if owner is None:
        return ("■", "text")
    return ("■", series(owner.job.key if owner.job is not None else owner.label))


def used_gpus(node: Node) -> frozenset[int] | None:
    """Indexes in use; where only their number is known, the first ones stand for them."""
    if node.gpus_used_indexes is not None:
        return frozenset(node.gpus_used_indexes)
    return None if node.gpus_used is None else frozenset(range(node.gpus_used))


@lru_cache(maxsize=4096)
def series(key: str) -> str:
    """One of a few colours for a job: the same job has the same everywhere."""
    return f"series-{zlib.crc32(key.encode()) % SERIES}"


def whole_node(cells: Sequence[Glyph]) -> Glyph:
    """The cell that stands for a whole node: a fault before all, then stale, then how full or how high it is."""
    if DOWN in cells:
        return DOWN
    for role in ("crit", "warn", "stale"):
        for cell in cells:
            if cell[1] == role:
                return cell
    levels = [(int(role[5:]), role[:4]) for _, role in cells if role.startswith(("heat-", "load-"))]
    if levels:
        return _LEVELS[levels[0][1]][round(sum(level for level, _ in levels) / len(levels))]
    known = [cell for cell in cells if cell != NO_DATA]
    if not known:
        return NO_DATA
    busy = [cell for cell in known if cell[0] == "■"]
    if len(busy) == len(known):
        return busy[0]
    return ("◧", busy[0][1]) if busy else known[0]
