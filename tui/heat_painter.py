"""Draws lines of the heatmap. Cells are read once for each picture, not for each paint."""

from __future__ import annotations

from rich.style import Style
from textual.strip import Strip

from crashcart.ops.fields import GpuRow, Scene
from crashcart.ops.filter import Filter

from .cells import strip_of
from .heat_cells import CellReader, whole_node
from .heat_cursor import HeatCursor
from .heat_layout import Tile
from .heat_metrics import HeatMetric
from .heat_scale import Glyph
from .look import Look
from .shown import Shown
from .states import is_faulty, node_mark

Part = tuple[str, Style]
GROUND = "background"


class HeatPainter:
    """Knows what the map shows; the widget knows where."""

    def __init__(self, look: Look, shown: Shown) -> None:
        self._look = look
        self._shown = shown
        self._epoch: object = None
        self._cells: dict[str, list[Glyph]] = {}
        self._scene: Scene = shown.scene
        self._reader: CellReader | None = None
        self._filter: Filter | None = None
        self._zoomed_out = False

    def begin(self, metric: HeatMetric, wanted: Filter, *, zoomed_out: bool) -> None:
        """Take the moment that the next lines show; forget cells when anything they are made of has changed."""
        self._scene = self._shown.scene
        store = self._scene.store
        fresh = tuple(store.freshness(cluster, name, self._scene.now) for cluster, name in store.sources)
        # Allocation shows nothing of the telemetry but faults, and those hardly ever change.
        told = store.revision["gpu"] if metric.columns or wanted.text else _told(self._scene)
        picture = self._shown.picture_of("node", "job", "target")
        epoch = (picture, told, fresh, metric.id, wanted.text, zoomed_out)
        self._zoomed_out = zoomed_out
        if epoch != self._epoch:
            self._epoch = epoch
            self._cells.clear()
        self._reader = CellReader(self._scene, metric)
        self._filter = wanted if wanted.text else None

    def map_line(self, cursor: HeatCursor, line: int, width: int) -> Strip:
        """Labels and tiles."""
        row = cursor.layout.lines[line]
        plain = self._style("text")
        parts: list[Part] = [(" ", plain)]
        used = 0
        beyond = row.xs[-1] + 1 if row.xs else 0  # a line may be longer than a narrow screen
        labels = iter([*row.labels, (beyond, "")])
        label_x, label = next(labels)
        for x, tile in zip(row.xs, row.tiles, strict=True):
            while label_x <= x:
                parts += [(" " * (label_x - used), plain), (label, self._style("muted"))]
                used = label_x + len(label)
                label_x, label = next(labels)
            parts.append((" " * (x - used), plain))
            used = x + self._tile(parts, cursor, tile)
        return strip_of(parts, width, plain)

    def names_line(self, cursor: HeatCursor, line: int, width: int) -> Strip:
        """The nodes' names, above their tiles."""
        row = cursor.layout.lines[line]
        parts: list[Part] = []
        used = 0
        for x, tile in zip(row.xs, row.tiles, strict=True):
            here = cursor.tile is not None and tile.key == cursor.tile.key
            name = tile.name[-tile.gpus :]
            parts += [(" " * (x + 2 - used), self._style("text")), (name, self._style("accent" if here else "faint"))]
            used = x + 2 + len(name)
        return strip_of(parts, width, self._style("text"))

    def _tile(self, parts: list[Part], cursor: HeatCursor, tile: Tile) -> int:
        """Append a tile's cells; return how many there are."""
        cells = self._cells_of(tile)
        on, cursor_style = self._look.palette.on, self._look.palette.role("badge-accent")
        here = cursor.gpu if cursor.tile is not None and tile.key == cursor.tile.key else None
        if cursor.layout.is_zoomed_out:
            glyph, role = cells[0]
            parts.append((glyph, on("tile", role) if here is None else cursor_style))
            return 1
        parts.append(self._sign(tile))
        for gpu, (glyph, role) in enumerate(cells):
            parts.append((glyph, cursor_style if gpu == here else on("tile", role)))
        return 1 + len(cells)

    def _cells_of(self, tile: Tile) -> list[Glyph]:
        cells = self._cells.get(tile.key)
        if cells is None:
            assert self._reader is not None  # noqa: S101 - begin() came first
            if self._zoomed_out and self._filter is None:
                cells = [self._reader.node_cell(tile)]
            else:
                cells = self._wanted(tile, self._reader.cells(tile))
            self._cells[tile.key] = cells
        return cells

    def _wanted(self, tile: Tile, cells: list[Glyph]) -> list[Glyph]:
        """The cells, dimmed where the filter does not match, as one when the map is zoomed out."""
        if self._filter is not None:
            cells = [cell if self._is_wanted(tile, gpu) else (cell[0], "faint") for gpu, cell in enumerate(cells)]
        return [whole_node(cells)] if self._zoomed_out else cells

    def _is_wanted(self, tile: Tile, gpu: int) -> bool:
        return self._filter is None or self._filter.matches(self._scene, GpuRow(tile.cluster, tile.host, gpu))

    def _sign(self, tile: Tile) -> Part:
        """What is wrong with the node, in the cell before its GPUs."""
        node = self._scene.store.nodes.get(tile.key)
        if node is None or not is_faulty(node):
            return " ", self._style("text")
        glyph, role = node_mark(node)
        return glyph, self._style(role)

    def _style(self, role: str) -> Style:
        return self._look.palette.on(GROUND, role)


def _told(scene: Scene) -> tuple[object, ...]:
    """What the allocation shows of the telemetry, to compare with: Xids as bytes, because NaN differs from itself."""
    tables = [table for _, table in sorted(scene.store.gpus.items())]
    xids = [b"" if column is None else column.tobytes() for column in (table.columns.get("xid") for table in tables)]
    return (*xids, *(id(table.owners) for table in tables), scene.joins.gpus.missing())
