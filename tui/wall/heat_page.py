"""The heatmap page: every GPU of the clusters, and the worst of what is wrong below."""

from __future__ import annotations

from crashcart.tui.cells import Span, width_of

from . import lists
from .board import Board
from .canvas import Canvas
from .heat_map import HeatMap
from .heat_marks import LEGEND
from .overview import draw_attention
from .source_doubt import GPU

TALL, MIDDLE = 40, 24


def draw_heat(canvas: Canvas, board: Board, heat: HeatMap, y: int) -> None:
    """From line `y` to the end."""
    width, below = canvas.width - 2, _lines_below(canvas.height)
    height = max(1, canvas.height - y - 2 - below)
    made = heat.take(width, height)
    metric = heat.metric
    kinds = ("node",) if not metric.columns else (GPU,)
    trust = board.sources.of(kinds)
    text = f"{heat.gpus:,} GPUs: {metric.title.lower()}, a cell is a {made.says}".replace("a worst", "the worst")
    lists.title(canvas, 1, y, width, text, trust)
    if not heat.gpus:
        said = "no GPUs are known yet" if not trust.is_known else "no GPUs are listed"
        canvas.put(1, y + 2, f"? {said}", "unknown")
        return
    heat.draw(canvas, 1, y + 1, width, height)
    canvas.spans(1, y + 1 + height, _legend(width), width)
    if below:
        draw_attention(canvas, board, 1, y + 2 + height, width, below)


def _lines_below(height: int) -> int:
    return 7 if height >= TALL else 4 if height >= MIDDLE else 0


def _legend(width: int) -> list[Span]:
    spans: list[Span] = []
    used = 0
    for glyph, role, text in LEGEND:
        used += width_of(f"{glyph} {text}  ")
        if used > width + 2:
            break
        spans += [(glyph, role), (f" {text}  ", "faint")]
    return spans
