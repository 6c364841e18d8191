"""Cells of a wall's heatmap: every state has a character of its own, and an old sample shows how old it is."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from crashcart.ops.fields import Scene
from crashcart.ops.gpu_table import GpuTable
from crashcart.tui.heat_cells import CellReader, whole_node
from crashcart.tui.heat_layout import Tile
from crashcart.tui.heat_metrics import HeatMetric
from crashcart.tui.heat_scale import NO_DATA, Glyph
from crashcart.tui.states import is_faulty, node_mark

UNKNOWN: Glyph = ("?", "unknown")
AGED = "stale"
LEGEND: tuple[tuple[str, str, str], ...] = (
    ("■", "ok", "in use"),
    ("□", "faint", "free"),
    ("▲", "warn", "drained"),
    ("✕", "crit", "down"),
    ("∅", "crit", "missing"),
    ("░", "stale", "source gone"),
    ("3", "stale", "sample 3 min old"),
    ("?", "unknown", "unknown"),
)


class MarkReader:
    """Reads the marks of tiles at one moment."""

    def __init__(self, scene: Scene, metric: HeatMetric) -> None:
        self._scene = scene
        self._reader = CellReader(scene, metric)

    def gpus(self, tile: Tile) -> list[Glyph]:
        """One for each GPU of the tile."""
        cells = [plain(cell) for cell in self._reader.cells(tile)]
        for gpu, age in enumerate(self._ages(tile)[: len(cells)]):
            if cells[gpu][1] != "crit" and cells[gpu][0] not in "░▒?":
                cells[gpu] = aged(age, cells[gpu])
        return cells

    def node(self, tile: Tile) -> Glyph:
        """One for the whole node, the worst there is."""
        node = self._scene.store.nodes.get(tile.key)
        cell = plain(self._reader.node_cell(tile))
        if node is not None and is_faulty(node) and cell[1] not in ("crit", "stale"):
            cell = plain(node_mark(node))
        if cell[1] != "crit" and cell[0] not in "░▒?":
            cell = aged(max(self._ages(tile), default=0.0), cell)
        return cell

    def sign(self, tile: Tile) -> Glyph:
        """What is wrong with the node itself, before its GPUs."""
        node = self._scene.store.nodes.get(tile.key)
        if node is None or not is_faulty(node):
            return (" ", "text")
        glyph, role = node_mark(node)
        return (glyph, "stale" if self._scene.store.is_stale(node, self._scene.now) else role)

    def _ages(self, tile: Tile) -> Sequence[float]:
        """Seconds of each sample, of those that are too old; others are 0."""
        table = self._scene.store.gpus.get(tile.cluster)
        ages = None if table is None else table.columns.get("age_seconds")
        if table is None or ages is None or tile.host not in table.offsets:
            return ()
        first = table.offsets[tile.host]
        found: Sequence[float] = ages[first : first + min(table.counts[tile.host], tile.gpus)].tolist()
        limit = table.rows.stale_after_seconds
        return [age if age > limit else 0.0 for age in found] if any(age > limit for age in found) else ()


def made_of(scene: Scene, metric: HeatMetric) -> tuple[Hashable, ...]:
    """What marks change with, to compare with. Of the telemetry an allocation shows faults and old samples alone, and
    those hardly ever change, while its numbers do all the time.
    """
    store = scene.store
    kinds = tuple(store.revision[kind] for kind in ("node", "job", "target"))
    fresh = tuple(store.freshness(*slot, scene.now) for slot in sorted(store.sources))
    if metric.columns:
        return kinds, fresh, store.revision["gpu"]
    tables = [table for _, table in sorted(store.gpus.items())]
    xids = tuple(b"" if (xids := table.columns.get("xid")) is None else xids.tobytes() for table in tables)
    return kinds, fresh, xids, tuple(map(_old_rows, tables)), tuple(sorted(scene.joins.gpus.missing().items()))


def _old_rows(table: GpuTable) -> tuple[tuple[int, int], ...]:
    """(row, minutes) of samples that are too old."""
    column = table.columns.get("age_seconds")
    ages: Sequence[float] = [] if column is None else column.tolist()
    limit = table.rows.stale_after_seconds
    if max(ages, default=0.0) <= limit:
        return ()
    return tuple((row, int(age // 60)) for row, age in enumerate(ages) if age > limit)


def plain(cell: Glyph) -> Glyph:
    """A cell whose character alone tells its state."""
    glyph, role = cell
    if cell == NO_DATA or role == "unknown":
        return UNKNOWN
    return ("▲", "warn") if role == "warn" and glyph != "≠" else cell


def aged(age: float, cell: Glyph) -> Glyph:
    """The minutes of an old sample: `1` to `9`, `+` below an hour, `h` from then on."""
    if age <= 0.0:
        return cell
    minutes = int(age // 60)
    return (str(max(1, minutes)) if minutes < 10 else "+" if minutes < 60 else "h", AGED)


def worst(cells: Sequence[Glyph]) -> Glyph:
    """The one that stands for all: a fault before all, then doubt, then how full or high they are."""
    for wanted in ("crit", "warn", "stale", "unknown"):
        for cell in cells:
            if cell[1] == wanted:
                return cell
    return whole_node(cells)
