"""Updates as Textual's compositor makes them, from plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.color import ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip

from crashcart.tui.painting.painter import Painter
from tests.cell_terminal import CellTerminal

CONSOLE = Console(color_system="truecolor", force_terminal=True)
Part = tuple[str, str]
"""Text and a style in words, empty for none."""


def strip(*parts: Part) -> Strip:
    return Strip([Segment(text, Style.parse(style) if style else None) for text, style in parts])


def layout(*rows: Sequence[Part]) -> LayoutUpdate:
    """The whole screen."""
    strips = [strip(*row) for row in rows]
    return LayoutUpdate([[one] for one in strips], Region(0, 0, strips[0].cell_length, len(strips)))


def chops(width: int, height: int, pieces: Mapping[tuple[int, int], Sequence[Part]]) -> ChopsUpdate:
    """Pieces by column and row; each is a piece of its line on its own."""
    lines: list[dict[int, Strip | None]] = []
    ends: list[list[int]] = []
    spans: list[tuple[int, int, int]] = []
    for y in range(height):
        here = {x: strip(*parts) for (x, row), parts in sorted(pieces.items()) if row == y}
        cuts = sorted({0, width, *here, *(x + one.cell_length for x, one in here.items())})
        lines.append({cut: here.get(cut) for cut in cuts[:-1]})
        ends.append(cuts[1:])
        spans += [(y, x, x + one.cell_length) for x, one in here.items()]
    return ChopsUpdate(lines, spans, ends)


class Screens:
    """A painter with its terminal, and beside it one that gets what Textual writes."""

    def __init__(self, width: int, height: int, *, repeats: bool = False) -> None:
        self.painter = Painter()
        self.painter.can_repeat = repeats
        self.ours = CellTerminal(width, height)
        self.control = CellTerminal(width, height)

    def show(self, update: LayoutUpdate | ChopsUpdate) -> str:
        """Paint an update on both; return what was written to ours."""
        self.control.feed(update.render_segments(CONSOLE))
        self.painter.take(update, ColorSystem.TRUECOLOR)
        text = self.painter.paint(list(self.painter.dirty))
        self.ours.feed(text)
        return text
