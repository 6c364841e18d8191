"""One whole screen of a wall at one moment, as spans: strip, banners, page, and DATA OLD over all where it is."""

from __future__ import annotations

from dataclasses import dataclass

from crashcart.tui.cells import Span

from .alert_page import draw_alerts
from .banners import draw_banners
from .board import Board
from .canvas import Canvas
from .digits import Scale, drawn, lines_of, width_in
from .heat_map import HeatMap
from .heat_page import draw_heat
from .job_page import draw_jobs
from .overview import draw_overview
from .queue_page import draw_queues
from .rotation import Rotation
from .source_doubt import GPU, Doubt, Trust, exact_age
from .strip import HEIGHT as STRIP_LINES
from .strip import draw_strip

KINDS_OF: dict[str, tuple[str, ...]] = {
    "overview": ("node", "job", "alert", GPU),
    "heatmap": ("node", GPU),
    "queues": ("queue", "node", "job"),
    "alerts": ("alert",),
    "jobs": ("job",),
}
"""What a page is made of: as old as the oldest of it, the page is."""

BAND = "DATA OLD"


@dataclass(frozen=True, slots=True)
class Frame:
    """Lines of spans; those from `body` on are inverted when the page is `old`."""

    lines: list[list[Span]]
    body: int
    is_old: bool


class Painter:
    """Draws frames of one board."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._heat = HeatMap(board)

    def frame(self, rotation: Rotation, width: int, height: int) -> Frame:
        """The screen at this moment."""
        canvas = Canvas(width, height)
        draw_strip(canvas, self._board, rotation)
        body = draw_banners(canvas, self._board, STRIP_LINES)
        old = self._old(rotation.page)
        y = body if old is None else self._band(canvas, old, body)
        self._page(canvas, rotation.page, y)
        return Frame([canvas.line(y) for y in range(height)], body, old is not None)

    def _old(self, page: str) -> Trust | None:
        """What the page is made of that is too old to be shown as it is."""
        trusts = [self._board.sources.of((kind,)) for kind in KINDS_OF[page]]
        known = [one for one in trusts if one.is_known] or trusts
        oldest = max(known, key=lambda one: (one.doubt, one.age))
        return oldest if oldest.doubt == Doubt.OLD else None

    def _band(self, canvas: Canvas, old: Trust, y: int) -> int:
        scale: Scale = 2 if width_in(BAND, 2) + 2 <= canvas.width and canvas.height >= 24 else 1
        name = "" if old.source is None else f"  {old.source.name}"
        x = max(1, (canvas.width - width_in(BAND, scale)) // 2)
        canvas.block(x, y, drawn(BAND, scale), "strong")
        said = f"{exact_age(old.age)}{name}"
        canvas.put(max(1, (canvas.width - len(said)) // 2), y + lines_of(scale), said, "strong")
        return y + lines_of(scale) + 1

    def _page(self, canvas: Canvas, page: str, y: int) -> None:
        match page:
            case "heatmap":
                draw_heat(canvas, self._board, self._heat, y)
            case "queues":
                draw_queues(canvas, self._board, y)
            case "alerts":
                draw_alerts(canvas, self._board, y)
            case "jobs":
                draw_jobs(canvas, self._board, y)
            case _:
                draw_overview(canvas, self._board, y)
