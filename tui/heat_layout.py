"""Where each node's tile is: groups side by side, in a grid or one after the other, nodes flowing inside."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field

LABEL_GAP = 1
BLOCK_GAP = 2
LONGEST_LABEL = 12


@dataclass(frozen=True, slots=True)
class Tile:
    """One node: its key, cluster, the host name its numbers go by, and how many GPUs it has."""

    key: str
    cluster: str
    name: str
    host: str
    gpus: int


@dataclass(slots=True)
class TileLine:
    """One line of tiles: labels at their x, and tiles at theirs (ascending)."""

    labels: list[tuple[int, str]] = field(default_factory=list)
    xs: list[int] = field(default_factory=list)
    tiles: list[Tile] = field(default_factory=list)


@dataclass(slots=True)
class Layout:
    """All lines, with the place of every node."""

    lines: list[TileLine]
    is_zoomed_out: bool
    places: dict[str, tuple[int, int]]  # node key -> (line, index in the line)

    def tile_width(self, tile: Tile) -> int:
        """Cells of a tile: a mark and the GPUs, or one for the whole node."""
        return 1 if self.is_zoomed_out else 1 + tile.gpus

    def at(self, line: int, x: int) -> tuple[Tile, int] | None:
        """The tile at or left of cell `x`, and its GPU there (clipped); None on an empty line."""
        row = self.lines[line]
        if not row.tiles:
            return None
        index = max(0, bisect_right(row.xs, x) - 1)
        tile = row.tiles[index]
        return tile, max(0, min(tile.gpus - 1, x - row.xs[index] - 1))


def lay_out(groups: Iterable[tuple[str, list[Tile]]], width: int, *, zoomed_out: bool, in_grid: bool = True) -> Layout:
    """Place the tiles of these groups in `width` cells; a group without a name is labelled by its nodes.

    In a grid all groups are as wide as the largest: racks line up. Otherwise each takes what it needs.
    """
    filled = [(label, tiles) for label, tiles in groups if tiles]
    layout = Layout([], zoomed_out, {})
    if not filled:
        return layout
    label_width = min(LONGEST_LABEL, max(len(_label(label, tiles)) for label, tiles in filled)) + LABEL_GAP
    step = max(layout.tile_width(tile) for _, tiles in filled for tile in tiles)
    room = max(1, (width - label_width) // step)
    largest = max(len(tiles) for _, tiles in filled)
    left = height = 0
    first = 0
    for label, tiles in filled:
        per_line = min(room, largest if in_grid else len(tiles))
        block = label_width + per_line * step
        down = -(-len(tiles) // per_line)
        if left + block > width or (height and down != height and not in_grid):
            first, left, height = len(layout.lines), 0, 0
        height = max(height, down)
        layout.lines.extend(TileLine() for _ in range(first + height - len(layout.lines)))
        _place(layout, label, tiles, (first, left), (per_line, label_width, step))
        left += block + BLOCK_GAP
    return layout


def _place(layout: Layout, label: str, tiles: list[Tile], corner: tuple[int, int], shape: tuple[int, int, int]) -> None:
    """Put a group's tiles with its upper left at `corner` (line, x); `shape` is (tiles a line, label, tile width)."""
    (first, left), (per_line, label_width, step) = corner, shape
    for index, tile in enumerate(tiles):
        down, across = divmod(index, per_line)
        line = layout.lines[first + down]
        if across == 0:
            shown = tile.name if not label else label if down == 0 else ""
            line.labels.append((left, shown[-LONGEST_LABEL:]))
        layout.places[tile.key] = (first + down, len(line.tiles))
        line.xs.append(left + label_width + across * step)
        line.tiles.append(tile)


def _label(label: str, tiles: list[Tile]) -> str:
    return label or max((tile.name for tile in tiles), key=len)
