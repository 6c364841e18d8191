"""The alerts page: how many, whether that can be believed, and each of them, worst first."""

from __future__ import annotations

from crashcart.backends.model import Alert
from crashcart.tui import monitoring, words
from crashcart.tui.cells import Span
from crashcart.tui.columns.alerts import about, quietness, summary
from crashcart.tui.states import alert_mark, alert_word

from . import lists, numbers
from .board import Board
from .canvas import Canvas
from .tiles import draw

SHARE_OF_NUMBERS = 0.4


def draw_alerts(canvas: Canvas, board: Board, y: int) -> None:
    """From line `y` to the end."""
    tiles = [numbers.critical(board), numbers.firing(board), numbers.silenced(board), numbers.pending(board)]
    y = draw(canvas, tiles, 1, y, canvas.width - 2, max(6, int((canvas.height - y) * SHARE_OF_NUMBERS)))
    width, alerts = canvas.width - 2, board.listed_alerts()
    trust = board.sources.of(("alert",))
    lists.title(canvas, 1, y, width, "Alerts, worst first", trust, len(alerts))
    y += 1
    if not alerts:
        for down, spans in enumerate(monitoring.alert_verdict(board.shown, board.now)):
            canvas.spans(1, y + down, board.masks.spans(spans), width)
        return
    height = canvas.height - y
    rows = [_row(board, alert, width) for alert in alerts[: max(0, height)]]
    lists.draw(canvas, (1, y, width, height), rows, stale=trust.is_stale, total=len(alerts))


def _row(board: Board, alert: Alert, width: int) -> list[Span]:
    glyph, role = alert_mark(alert)
    scene = board.shown.scene
    where = f"{alert.cluster}/{about(scene, alert)}" if board.shown.has_many_clusters() else about(scene, alert)
    cells = [
        (glyph, 1, role),
        (alert_word(alert), 9, role),
        (words.age(board.now - alert.since), -5, "muted"),
        (board.masks.text(alert.name), 24 if width >= 90 else 18, "strong"),
        (board.masks.text(where), 16 if width >= 90 else 10, "text"),
    ]
    said = " ".join(part for part in (quietness(scene, alert), summary(alert)) if part)
    return [*lists.row(cells), (f" {board.masks.text(said)}", "text")]
