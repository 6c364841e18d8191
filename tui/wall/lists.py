"""Lists on a wall: a title that says how old the rows are, rows worst first, and how many more there are."""

from __future__ import annotations

from collections.abc import Sequence

from crashcart.tui.cells import Span, padded

from .canvas import Canvas
from .source_doubt import Trust

Cell = tuple[str, int, str]
"""Text, cells (negative: to the right), role."""


def title(canvas: Canvas, x: int, y: int, width: int, text: str, trust: Trust, number: int | None = None) -> None:
    """`Largest jobs  12 ░░░░ STALE 3m12s`: hatched while the source is gone."""
    rule = "░" if trust.is_stale else "─"
    canvas.fill(y, rule, "stale" if trust.is_stale else "faint", x, width)
    counted = "" if number is None or not trust.is_known else f"{number:,} "
    at = canvas.spans(x, y, [(f"{text} ", "title"), (counted, "muted")], width)
    label = trust.label
    if label and at + len(label) + 3 <= x + width:
        canvas.put(x + width - len(label) - 2, y, f" {label} ", trust.role)


def row(cells: Sequence[Cell], *, stale: bool = False) -> list[Span]:
    """Cells beside each other; what may be old is dimmed."""
    spans: list[Span] = []
    for index, (text, width, role) in enumerate(cells):
        if index:
            spans.append((" ", "text"))
        shown = "stale" if stale else role
        spans += padded(text, abs(width), shown, "right" if width < 0 else "left")
    return spans


def draw(
    canvas: Canvas, box: tuple[int, int, int, int], rows: Sequence[Sequence[Span]], *, stale: bool, total: int
) -> None:
    """Rows in a box (x, y, width, height); the last line says what did not fit."""
    x, y, width, height = box
    cut = total > height
    for down, spans in enumerate(rows[: height - 1 if cut else height]):
        shown = [(text, "stale") for text, _ in spans] if stale else spans
        canvas.spans(x, y + down, shown, width)
    if cut and height > 0:
        left = total - max(0, height - 1)
        canvas.spans(x, y + height - 1, [(f"… and {left:,} more", "muted")], width)
