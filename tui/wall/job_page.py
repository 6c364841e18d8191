"""The jobs page: the largest that run, and those that have waited longest."""

from __future__ import annotations

from collections.abc import Sequence

from crashcart.backends.model import Job
from crashcart.tui import words
from crashcart.tui.cells import Span

from . import lists, numbers
from .board import Board
from .canvas import Canvas
from .tiles import draw

SHARE_OF_NUMBERS = 0.35
SIDE_BY_SIDE = 120


def draw_jobs(canvas: Canvas, board: Board, y: int) -> None:
    """From line `y` to the end."""
    tiles = [numbers.jobs_running(board), numbers.jobs_waiting(board), numbers.gpus_in_use(board)]
    y = draw(canvas, tiles, 1, y, canvas.width - 2, max(6, int((canvas.height - y) * SHARE_OF_NUMBERS)))
    width, height = canvas.width - 2, canvas.height - y
    if width >= SIDE_BY_SIDE:
        half = width // 2 - 1
        _list(canvas, board, "Largest", board.running(), (1, y, half, height))
        _list(canvas, board, "Waiting longest", board.waiting(), (3 + half, y, width - half - 2, height))
        return
    above = height // 2
    _list(canvas, board, "Largest", board.running(), (1, y, width, above))
    _list(canvas, board, "Waiting longest", board.waiting(), (1, y + above, width, height - above))


def _list(canvas: Canvas, board: Board, text: str, jobs: Sequence[Job], box: tuple[int, int, int, int]) -> None:
    x, y, width, height = box
    trust = board.sources.of(("job",))
    lists.title(canvas, x, y, width, text, trust, len(jobs))
    if not jobs:
        said: Span = ("none", "muted") if trust.is_known else ("? jobs are not known", "unknown")
        canvas.spans(x, y + 1, [said], width)
        return
    rows = [_row(board, job, width) for job in jobs[: max(0, height - 1)]]
    lists.draw(canvas, (x, y + 1, width, height - 1), rows, stale=trust.is_stale, total=len(jobs))


def _row(board: Board, job: Job, width: int) -> list[Span]:
    since = job.submit_time if job.is_pending else job.start_time
    age = None if since is None else board.now - since
    name = max(10, min(28, width - 46))
    cells = [
        (f"{words.count(job.gpus)} GPU", -9, "strong"),
        (words.age(age), -5, "muted"),
        (job.id, 10 if width < 70 else 12, "text"),
        (job.name, name, "text"),
        (job.user, 8, "muted"),
    ]
    said = board.masks.text(job.reason or "") if job.is_pending else job.partition or ""
    return [*lists.row(cells), (f" {said}", "faint")]
