"""The queues page: how full each is, who waits and why; what is closed comes first."""

from __future__ import annotations

from crashcart.backends.model import Queue
from crashcart.ops.joins import QueueCounts
from crashcart.tui import words
from crashcart.tui.cells import Span
from crashcart.tui.columns.queues import bar
from crashcart.tui.states import queue_mark

from . import lists, numbers
from .board import Board
from .canvas import Canvas
from .tiles import draw

SHARE_OF_NUMBERS = 0.4
WIDE = 90


def draw_queues(canvas: Canvas, board: Board, y: int) -> None:
    """From line `y` to the end."""
    tiles = [
        numbers.gpus_in_use(board),
        numbers.jobs_running(board),
        numbers.jobs_waiting(board),
        numbers.out_of_service(board),
    ]
    y = draw(canvas, tiles, 1, y, canvas.width - 2, max(6, int((canvas.height - y) * SHARE_OF_NUMBERS)))
    width, trust = canvas.width - 2, board.sources.of(("queue",))
    queues = _sorted(board)
    lists.title(canvas, 1, y, width, "Queues", trust, len(queues))
    y += 1
    if not queues:
        said: Span = ("no queues", "muted") if trust.is_known else ("? queues are not known", "unknown")
        canvas.spans(1, y, [said], width)
        return
    height = canvas.height - y
    rows = [_row(board, queue, width) for queue in queues[: max(0, height)]]
    lists.draw(canvas, (1, y, width, height), rows, stale=trust.is_stale, total=len(queues))


def _sorted(board: Board) -> list[Queue]:
    shown = board.shown
    queues = [shown.store.queues[key] for key in shown.keys("queue")]
    order = {"crit": 0, "warn": 1}
    return sorted(
        queues, key=lambda one: (order.get(queue_mark(one)[1], 2), -shown.joins.queue_counts(one).pending, one.name)
    )


def _row(board: Board, queue: Queue, width: int) -> list[Span]:
    counts = board.shown.joins.queue_counts(queue)
    glyph, role = queue_mark(queue)
    name = f"{queue.cluster}/{queue.name}" if board.shown.has_many_clusters() else queue.name
    room = 24 if width >= WIDE else 16
    across = max(8, min(40, width - room - 50))
    start = lists.row([(glyph, 1, role), (queue.state.lower(), 8, role), (board.masks.text(name), room, "strong")])
    numbers_: list[lists.Cell] = [
        (words.share(counts.gpus_used, counts.gpus_total), -11, "text"),
        (f"{_number(counts, counts.pending)} wait", -10, "text"),
    ]
    why = _why(counts) if width >= WIDE else ""
    filled = bar(counts.gpus_used, counts.gpus_total, across)
    return [*start, (" ", "text"), *filled, *lists.row(numbers_), (f"  {why}", "muted")]


def _number(counts: QueueCounts, value: int) -> str:
    return words.count(value if counts.knows_jobs else None)


def _why(counts: QueueCounts) -> str:
    return "  ".join(f"{reason} {number:,}" for reason, number in counts.reasons.most_common(2))
