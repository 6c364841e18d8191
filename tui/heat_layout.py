"""Where each node's tile is: racks side by side in a grid, nodes flowing inside, everything in natural order."""

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
    rack: str


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


def lay_out(racks: Iterable[tuple[str, list[Tile]]], width: int, *, zoomed_out: bool) -> Layout:
    """Place the tiles of these racks in `width` cells. A rack without a name is labelled by its nodes."""
    groups = [(label, tiles) for label, tiles in racks if tiles]
    layout = Layout([], zoomed_out, {})
    if not groups:
        return layout
    label_width = min(LONGEST_LABEL, max(len(_label(label, tiles)) for label, tiles in groups)) + LABEL_GAP
    widest_tile = max(layout.tile_width(tile) for _, tiles in groups for tile in tiles)
    room = max(1, (width - label_width) // widest_tile)
    per_line = min(room, max(len(tiles) for _, tiles in groups))
    block = label_width + per_line * widest_tile
    columns = max(1, (width + BLOCK_GAP) // (block + BLOCK_GAP))
    for start in range(0, len(groups), columns):
        _place(layout, groups[start : start + columns], per_line, block, label_width, widest_tile)
    return layout


def _place(
    layout: Layout, groups: list[tuple[str, list[Tile]]], per_line: int, block: int, label_width: int, step: int
) -> None:
    height = max(-(-len(tiles) // per_line) for _, tiles in groups)
    first = len(layout.lines)
    layout.lines.extend(TileLine() for _ in range(height))
    for column, (label, tiles) in enumerate(groups):
        left = column * (block + BLOCK_GAP)
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
