"""How the heatmap fills a page: a cell a GPU if all fit, else a cell a node, else a cell for several nodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

from crashcart.tui.heat_layout import Tile

Unit = Literal["gpu", "node", "several"]
WIDTHS, HEIGHTS = (14, 12, 10, 8, 7, 6, 5, 4, 3, 2, 1), (8, 7, 6, 5, 4, 3, 2, 1)

ENOUGH = 12
"""Characters of a cell that is large enough: from then on names are worth more than larger cells."""


@dataclass(frozen=True, slots=True)
class HeatPlan:
    """`columns` items a line; of each cell `across` x `down` characters; `each` nodes in a cell."""

    unit: Unit
    columns: int
    across: int
    down: int
    named: bool
    item_width: int
    item_height: int
    each: int = 1

    @property
    def says(self) -> str:
        """What one cell is."""
        return {"gpu": "GPU", "node": "node", "several": f"worst of {self.each} nodes"}[self.unit]


def plan(tiles: Sequence[Tile], width: int, height: int) -> HeatPlan:
    """The finest map whose items all fit, with the largest cells that fit."""
    widest = max((tile.gpus for tile in tiles), default=1)
    name = max((len(tile.name) for tile in tiles), default=1)
    return (
        _largest("gpu", len(tiles), widest, name, width, height)
        or _largest("node", len(tiles), 1, name, width, height)
        or _several(len(tiles), width, height)
    )


def _largest(unit: Unit, items: int, cells: int, name: int, width: int, height: int) -> HeatPlan | None:
    found: list[tuple[float, HeatPlan]] = []
    for across, down, named in product(WIDTHS, HEIGHTS, (True, False)):
        item_width = cells * across + (2 if unit == "gpu" else int(across > 1))
        if named and item_width <= name:
            continue
        item_height = down + named + int(down > 1)
        columns = width // item_width
        if columns and -(-items // columns) * item_height <= height:
            area = across * down
            worth = min(area, ENOUGH) + 0.1 * area + 6.0 * named - 0.2 * abs(across - 2 * down)
            found.append((worth, HeatPlan(unit, columns, across, down, named, item_width, item_height)))
    return max(found, key=lambda one: one[0])[1] if found else None


def _several(nodes: int, width: int, height: int) -> HeatPlan:
    """Cells of as few nodes as possible, drawn as large as then fits."""
    each = max(1, -(-nodes // max(1, width * height)))
    return HeatPlan("several", max(1, width), 1, 1, False, 1, 1, each)
