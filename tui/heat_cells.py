"""What each GPU's cell looks like: a glyph and a role, for one metric, from the store alone.

A state is never told by colour only: a level is a bar's height, a fault is `✕`, a GPU that is missing `∅`, one that
differs from its job `≠`, no data `·`, and what may no longer be true is hatched, darker where it was high.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache

from crashcart.backends.model import Node
from crashcart.ops.fields import Scene
from crashcart.ops.gpu_table import GpuTable
from crashcart.ops.joins import GpuOwner
from crashcart.ops.outliers import Outlier

from .heat_layout import Tile
from .heat_metrics import LEVELS, HeatMetric, xid_role
from .heat_scale import DOWN, LEVEL_GLYPHS, NO_DATA, Glyph, Scale, scale_of
from .palette import SERIES

MISSING: Glyph = ("∅", "crit")
STALE: Glyph = ("░", "stale")
STALE_BUSY: Glyph = ("▒", "stale")
ODD: Glyph = ("≠", "warn")

COMPARED = frozenset(("util", "tensor", "power", "temperature"))
"""Metrics in whose view a GPU that differs from the others of its job is marked."""


class CellReader:
    """Reads cells of tiles for one metric at one moment."""

    def __init__(self, scene: Scene, metric: HeatMetric) -> None:
        self._scene = scene
        self._metric = metric
        self._fresh: dict[tuple[str, str], bool] = {}
        self._scales: dict[str, Scale] = {}
        self._missing = scene.joins.gpus.missing()
        self._jobs = scene.joins.jobs_by_node()
        self._failures = scene.joins.gpus.exporter_failures()
        self._outliers: dict[str, Mapping[int, Outlier]] = {}

    def cells(self, tile: Tile) -> list[Glyph]:
        """One glyph for each GPU of the tile."""
        if not self._metric.columns:
            return self._allocation(tile)
        table = self._scene.store.gpus.get(tile.cluster)
        if table is None or tile.host not in table.offsets:
            return [NO_DATA] * tile.gpus
        first, count = table.offsets[tile.host], min(table.counts[tile.host], tile.gpus)
        found = self._scale(table).glyphs(first, first + count)
        if tile.key in self._failures or not self._is_fresh(tile.cluster, table.source_of(tile.host)):
            return [hatched(cell) for cell in found] + [NO_DATA] * (tile.gpus - count)
        self._hatch_old(table, tile.host, found)
        self._mark_odd(tile, found, first)
        for gpu in self._missing.get(tile.key, ()):
            if gpu < count:
                found[gpu] = MISSING
        if tile.gpus > count:
            found += [self._beyond(tile)] * (tile.gpus - count)
        return found

    def node_cell(self, tile: Tile) -> Glyph:
        """`whole_node` of the tile's cells, without making them where that is not needed."""
        plain = self._plain_level(tile) if self._metric.columns else self._plain_allocation(tile)
        return whole_node(self.cells(tile)) if plain is None else plain

    def _plain_level(self, tile: Tile) -> Glyph | None:
        """The mean level of a node whose numbers are all there, fresh and like those of its job."""
        table = self._scene.store.gpus.get(tile.cluster)
        if table is None or tile.host not in table.offsets or tile.key in self._missing or tile.key in self._failures:
            return None
        first, count = table.offsets[tile.host], table.counts[tile.host]
        if count != tile.gpus or self._has_old(table, tile.host, count) or self._odd(tile, first, count):
            return None
        if not self._is_fresh(tile.cluster, table.source_of(tile.host)):
            return None
        return self._scale(table).mean(first, first + count)

    def _plain_allocation(self, tile: Tile) -> Glyph | None:
        """The allocation of a node that tells it, without asking who owns each GPU."""
        node = self._scene.store.nodes.get(tile.key)
        if node is None or node.gpus_used is None or node.is_down or not self._is_fresh(node.cluster, node.source):
            return None
        owners = self._scene.joins.owners_on_node(tile.key) if node.gpus_used else {}
        used = used_gpus(node, owners)
        if used is None:
            return None
        if self._faults(tile):
            return DOWN
        if self._gone(tile):
            return MISSING
        busy = [gpu for gpu in range(tile.gpus) if gpu in used]
        if node.is_draining and len(busy) < tile.gpus:
            return ("□", "warn")
        if not busy:
            return ("□", "faint")
        glyph, role = _busy(owners.get(busy[0]))
        return (glyph if len(busy) == tile.gpus else "◧", role)

    # what can be trusted

    def _is_fresh(self, cluster: str, source: str) -> bool:
        slot = (cluster, source)
        fresh = self._fresh.get(slot)
        if fresh is None:
            fresh = self._fresh[slot] = self._scene.store.freshness(cluster, source, self._scene.now) == "live"
        return fresh

    def _has_old(self, table: GpuTable, host: str, count: int) -> bool:
        """Whether any sample of these rows is too old; an age that is not known counts as such here."""
        ages, first = table.columns.get("age_seconds"), table.offsets[host]
        limit = table.stale_after(host)
        return ages is not None and not max(ages[first : first + count].tolist(), default=0.0) <= limit

    def _hatch_old(self, table: GpuTable, host: str, cells: list[Glyph]) -> None:
        if self._has_old(table, host, len(cells)):
            first, limit = table.offsets[host], table.stale_after(host)
            for gpu, age in enumerate(table.columns["age_seconds"][first : first + len(cells)].tolist()):
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
        if not (gone or short) or tile.key in self._failures:
            return ()
        if not self._is_fresh(tile.cluster, table.source_of(tile.host)):
            return ()
        if short and self._beyond(tile) == MISSING:
            gone |= frozenset(range(table.counts[tile.host], tile.gpus))
        return gone

    # numbers

    def _odd(self, tile: Tile, first: int, count: int) -> list[int]:
        """GPUs of the tile that are unlike the others of their job, where that is shown."""
        if self._metric.id not in COMPARED:
            return []
        found: list[int] = []
        for job in self._jobs.get(tile.key, ()):
            outliers = self._outliers.get(job.key)
            if outliers is None:
                outliers = self._outliers[job.key] = self._scene.joins.gpus.outliers_of(job)
            if outliers:
                found += [gpu for gpu in range(count) if first + gpu in outliers]
        return found

    def _mark_odd(self, tile: Tile, cells: list[Glyph], first: int) -> None:
        for gpu in self._odd(tile, first, len(cells)):
            if cells[gpu] != NO_DATA and cells[gpu][1] != "stale":
                cells[gpu] = ODD

    def _scale(self, table: GpuTable) -> Scale:
        """The metric's scale on a table; made once for each."""
        made = self._scales.get(table.rows.cluster)
        if made is None:
            made = self._scales[table.rows.cluster] = scale_of(self._metric, table)
        return made

    # allocation

    def _allocation(self, tile: Tile) -> list[Glyph]:
        node = self._scene.store.nodes.get(tile.key)
        if node is None:
            return [NO_DATA] * tile.gpus
        owners = self._scene.joins.owners_on_node(tile.key)
        used = used_gpus(node, owners)
        if not self._is_fresh(node.cluster, node.source):
            return [STALE_BUSY if used and gpu in used else STALE for gpu in range(tile.gpus)]
        if node.is_down:
            return [DOWN] * tile.gpus
        free: Glyph = ("□", "warn" if node.is_draining else "faint")
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


def used_gpus(node: Node, owners: Mapping[int, GpuOwner]) -> frozenset[int] | None:
    """Indexes in use; where only their number is known, those with an owner and then the first ones stand for them."""
    if node.gpus_used_indexes is not None:
        return frozenset(node.gpus_used_indexes)
    if node.gpus_used is None:
        return None
    owned = sorted(owners, key=lambda gpu: (not owners[gpu].is_exact, gpu))
    others = (gpu for gpu in range(node.gpus_total or node.gpus_used) if gpu not in owners)
    return frozenset([*owned, *others][: node.gpus_used])


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
        return LEVEL_GLYPHS[levels[0][1]][round(sum(level for level, _ in levels) / len(levels))]
    known = [cell for cell in cells if cell != NO_DATA]
    if not known:
        return NO_DATA
    busy = [cell for cell in known if cell[0] == "■"]
    if len(busy) == len(known):
        return busy[0]
    return ("◧", busy[0][1]) if busy else known[0]
