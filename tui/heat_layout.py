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


@dataclass(frozen=True, slots=True)
class Block:
    """Where one group goes: its first line, its left cell, how many tiles a line, and how many lines."""

    label: str
    tiles: list[Tile]
    first: int
    left: int
    per_line: int
    height: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Where all groups go, before any tile is placed."""

    blocks: list[Block]
    lines: int
    label_width: int
    step: int
    is_zoomed_out: bool

    def layout(self) -> Layout:
        """Place every tile."""
        layout = Layout([TileLine() for _ in range(self.lines)], self.is_zoomed_out, {})
        for block in self.blocks:
            self._place(layout, block)
        return layout

    def _place(self, layout: Layout, block: Block) -> None:
        start = block.left + self.label_width
        for down in range(block.height):
            tiles = block.tiles[down * block.per_line : (down + 1) * block.per_line]
            line, number = layout.lines[block.first + down], block.first + down
            shown = tiles[0].name if not block.label else block.label if down == 0 else ""
            line.labels.append((block.left, shown[-LONGEST_LABEL:]))
            layout.places.update((tile.key, (number, at)) for at, tile in enumerate(tiles, len(line.tiles)))
            line.xs += range(start, start + len(tiles) * self.step, self.step)
            line.tiles += tiles


def plan(groups: Iterable[tuple[str, list[Tile]]], width: int, *, zoomed_out: bool, in_grid: bool = True) -> Plan:
    """Say where these groups go in `width` cells; a group without a name is labelled by its nodes.

    In a grid all groups are as wide as the largest: racks line up. Otherwise each takes what it needs.
    """
    filled = [(label, tiles) for label, tiles in groups if tiles]
    if not filled:
        return Plan([], 0, 0, 1, zoomed_out)
    label_width = min(LONGEST_LABEL, max(len(_label(label, tiles)) for label, tiles in filled)) + LABEL_GAP
    step = 1 if zoomed_out else 1 + max(tile.gpus for _, tiles in filled for tile in tiles)
    room = max(1, (width - label_width) // step)
    largest = max(len(tiles) for _, tiles in filled)
    blocks: list[Block] = []
    first = left = height = 0
    for label, tiles in filled:
        per_line = min(room, largest if in_grid else len(tiles))
        block, down = label_width + per_line * step, -(-len(tiles) // per_line)
        if left + block > width or (height and down != height and not in_grid):
            first, left, height = first + height, 0, 0
        height = max(height, down)
        blocks.append(Block(label, tiles, first, left, per_line, down))
        left += block + BLOCK_GAP
    return Plan(blocks, first + height, label_width, step, zoomed_out)


def lay_out(groups: Iterable[tuple[str, list[Tile]]], width: int, *, zoomed_out: bool, in_grid: bool = True) -> Layout:
    """Place the tiles of these groups as `plan` says."""
    return plan(groups, width, zoomed_out=zoomed_out, in_grid=in_grid).layout()


def _label(label: str, tiles: list[Tile]) -> str:
    return label or max((tile.name for tile in tiles), key=len)
