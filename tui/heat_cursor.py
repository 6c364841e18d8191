"""The heatmap's cursor: on one GPU of one node, kept by identity while tiles come, go and move."""

from __future__ import annotations

from dataclasses import dataclass, field

from .heat_layout import Layout, Tile


@dataclass(slots=True)
class HeatCursor:
    """A place in a layout, and the first line that is on the screen."""

    layout: Layout = field(default_factory=lambda: Layout([], False, {}))
    tile: Tile | None = None
    gpu: int = 0
    top: int = 0

    def settle(self, layout: Layout) -> None:
        """Take another layout; the cursor stays on its node, or goes to the first."""
        self.layout = layout
        place = layout.places.get(self.tile.key) if self.tile else None
        if place is None:
            self.tile = next((line.tiles[0] for line in layout.lines if line.tiles), None)
            self.gpu = 0
        else:
            line, index = place
            self.tile = layout.lines[line].tiles[index]
            self.gpu = min(self.gpu, self.tile.gpus - 1)

    def step(self, columns: int, rows: int) -> None:
        """One GPU sideways or one line up or down."""
        if self.tile is None:
            return
        line, index = self.layout.places[self.tile.key]
        if rows:
            self.to_line(line + rows)
            return
        gpu = self.gpu + columns
        row = self.layout.lines[line]
        if not self.layout.is_zoomed_out and 0 <= gpu < self.tile.gpus:
            self.gpu = gpu
        elif 0 <= index + columns < len(row.tiles):
            self.tile = row.tiles[index + columns]
            self.gpu = 0 if columns > 0 or self.layout.is_zoomed_out else self.tile.gpus - 1

    def to_line(self, line: int, x: int | None = None) -> None:
        """To the tile at cell `x` of a line, by default straight above or below."""
        if not self.layout.lines:
            return
        found = self.layout.at(max(0, min(line, len(self.layout.lines) - 1)), self.x if x is None else x)
        if found is not None:
            self.tile, self.gpu = found

    def to(self, tile: Tile, gpu: int) -> None:
        """Onto a GPU."""
        self.tile, self.gpu = tile, gpu

    @property
    def line(self) -> int:
        """The layout line the cursor is on."""
        return self.layout.places[self.tile.key][0] if self.tile else 0

    @property
    def x(self) -> int:
        """The cell of the line the cursor is on."""
        if self.tile is None:
            return 0
        line, index = self.layout.places[self.tile.key]
        x = self.layout.lines[line].xs[index]
        return x if self.layout.is_zoomed_out else x + 1 + self.gpu

    def scroll_into_view(self, rows: int) -> None:
        """Move the viewport of `rows` lines just far enough to show the cursor."""
        if self.line < self.top:
            self.top = self.line
        elif self.line >= self.top + rows:
            self.top = self.line - rows + 1
        self.top = max(0, min(self.top, len(self.layout.lines) - rows))

    def tiles_after(self) -> list[Tile]:
        """All tiles in reading order, from the one after the cursor round to the cursor's own."""
        tiles = [tile for line in self.layout.lines for tile in line.tiles]
        if self.tile is None:
            return tiles
        line, index = self.layout.places[self.tile.key]
        here = sum(len(row.tiles) for row in self.layout.lines[:line]) + index + 1
        return tiles[here:] + tiles[:here]
