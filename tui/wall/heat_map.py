"""The heatmap of a wall: it fills what it is given, remembers its cells until the picture changes, and needs no key."""

from __future__ import annotations

from collections.abc import Sequence

from crashcart.tui.heat_layout import Tile
from crashcart.tui.heat_metrics import METRICS, HeatMetric, exported, offered
from crashcart.tui.heat_scale import Glyph
from crashcart.tui.heat_tiles import TileGroups

from .board import Board
from .canvas import Canvas
from .heat_marks import MarkReader, made_of, worst
from .heat_plan import HeatPlan, plan

BADGES = {"crit": "badge-crit", "warn": "badge-warn"}


class HeatMap:
    """Nodes in the order of their racks."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._groups = TileGroups(board.shown)
        self._tiles: list[Tile] = []
        self._planned: object = None
        self._plan: HeatPlan | None = None
        self._read_of: object = None
        self._heard: object = None
        self._cells: list[list[Glyph]] = []
        self._signs: list[Glyph] = []

    @property
    def metric(self) -> HeatMetric:
        """Without a scheduler nobody knows what is allocated: then it is what is measured."""
        found = offered(exported(self._board.shown))
        return found[1] if not self._board.shown.store.nodes and len(found) > 1 else METRICS[0]

    @property
    def gpus(self) -> int:
        """How many there are."""
        return sum(tile.gpus for tile in self._tiles)

    def take(self, width: int, height: int) -> HeatPlan:
        """Take the picture in for a map of this size."""
        if self._groups.take("rack") or not self._tiles:
            self._tiles = [tile for _, tiles in self._groups.groups for tile in tiles]
            self._planned = None
        if self._planned != (width, height) or self._plan is None:
            self._planned, self._plan = (width, height), plan(self._tiles, width, height)
            self._read_of = None
        self._read(self._plan)
        return self._plan

    def draw(self, canvas: Canvas, x: int, y: int, width: int, height: int) -> None:
        """Fill the box; `take` came first."""
        made = self._plan
        if made is None:
            return
        if made.unit == "several":
            self._draw_dense(canvas, x, y, width)
            return
        for index, cells in enumerate(self._cells):
            down, across = divmod(index, made.columns)
            top = y + down * made.item_height
            if top + made.item_height - 1 < y + height + 1:
                self._draw_item(canvas, x + across * made.item_width, top, self._tiles[index], index, cells)

    def _read(self, made: HeatPlan) -> None:
        shown = self._board.shown
        metric = self.metric
        store, now = shown.store, self._board.now
        news = (dict(store.revision), [store.freshness(*slot, now) for slot in sorted(store.sources)])
        if news == self._heard and self._read_of is not None:
            return
        self._heard = news
        stamp = (made_of(shown.scene, metric), metric.id, made)
        if stamp == self._read_of:
            return
        self._read_of = stamp
        reader = MarkReader(shown.scene, metric)
        if made.unit == "gpu":
            self._cells = [reader.gpus(tile) for tile in self._tiles]
            self._signs = [reader.sign(tile) for tile in self._tiles]
            return
        nodes = [reader.node(tile) for tile in self._tiles]
        each = made.each
        self._cells = [[worst(nodes[first : first + each])] for first in range(0, len(nodes), each)]

    def _draw_item(self, canvas: Canvas, x: int, y: int, tile: Tile, index: int, cells: Sequence[Glyph]) -> None:
        made = self._plan
        assert made is not None  # noqa: S101 - draw() has looked
        is_gpu = made.unit == "gpu"
        if made.named:
            canvas.put(x + is_gpu, y, tile.name[: made.item_width - 1], "faint")
            y += 1
        if is_gpu:
            canvas.put(x, y, *self._signs[index])
            x += 1
        for down in range(made.down):
            at = x
            for glyph, role in cells:
                canvas.put(at, y + down, glyph * max(1, made.across - (made.across > 2)), BADGES.get(role, role))
                at += made.across

    def _draw_dense(self, canvas: Canvas, x: int, y: int, width: int) -> None:
        for index, (cell,) in enumerate(self._cells):
            down, across = divmod(index, width)
            canvas.put(x + across, y + down, cell[0], BADGES.get(cell[1], cell[1]))
