"""The first page: key numbers across the room, and below them what asks for attention, worst first."""

from __future__ import annotations

from . import lists, numbers
from .board import Board
from .canvas import Canvas
from .tiles import draw

SHARE_OF_NUMBERS = 0.66


def draw_overview(canvas: Canvas, board: Board, y: int) -> None:
    """From line `y` to the end."""
    tiles = [
        numbers.critical(board),
        numbers.firing(board),
        numbers.down(board),
        numbers.out_of_service(board),
        numbers.gpus_in_use(board),
        numbers.gpus_missing(board),
        numbers.jobs_running(board),
        numbers.jobs_waiting(board),
    ]
    room = canvas.height - y
    y = draw(canvas, tiles, 1, y, canvas.width - 2, max(6, int(room * SHARE_OF_NUMBERS)))
    draw_attention(canvas, board, 1, y, canvas.width - 2, canvas.height - y)


def draw_attention(canvas: Canvas, board: Board, x: int, y: int, width: int, height: int) -> None:
    """A title and the worst of it; an empty list is good news only while every source is fresh."""
    if height < 2:
        return
    found, trust = board.attention(), board.sources.of(("node", "alert"))
    lists.title(canvas, x, y, width, "Worst first", trust, len(found))
    if not len(found):
        is_good = board.is_whole and trust.is_known and not trust.is_stale
        said = (
            ("✓ nothing asks for attention", "ok")
            if is_good
            else ("? nothing is listed, but not all is known", "unknown")
        )
        canvas.spans(x, y + 1, [said], width)
        return
    shown = min(len(found), height)
    rows = [board.masks.spans(found.line(index, board.now)) for index in range(shown)]
    lists.draw(canvas, (x, y + 1, width, height - 1), rows, stale=trust.is_stale, total=len(found))
