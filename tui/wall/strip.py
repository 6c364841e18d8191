"""The two lines on top of every page: that the program lives, the time, how bad it is, how old each source is."""

from __future__ import annotations

import time

from crashcart.tui.cells import Span, width_of
from crashcart.tui.monitoring import BLINDING, bad_checks
from crashcart.tui.source_ages import live_count

from .board import Board
from .canvas import Canvas
from .rotation import Rotation
from .source_doubt import Doubt, Trust, exact_age

HEIGHT = 2
WIDE = 90
SHORT_NAME = 4

WORST: dict[str, tuple[str, str]] = {
    "crit": ("✕ CRITICAL", "badge-crit"),
    "unknown": ("? UNKNOWN", "badge-unknown"),
    "stale": ("░ STALE", "badge-warn"),
    "warn": ("▲ WARNING", "badge-warn"),
    "ok": ("✓ OK", "badge-ok"),
}
"""The worst first, each with its glyph and word."""


def draw_strip(canvas: Canvas, board: Board, rotation: Rotation) -> None:
    """Lines 0 and 1."""
    is_wide = canvas.width >= WIDE
    at = canvas.spans(
        0, 0, [(" ", "text"), *_hand(board.now, 10 if is_wide else 4), ("  ", "text"), *_clock(board.now, is_wide)]
    )
    canvas.spans(at + 2, 0, [WORST[worst(board)], ("  ", "text"), *_unclaimed(board)])
    left = _where(rotation, board.clock.monotonic(), is_wide)
    canvas.spans(0, 1, [(" ", "text"), *left])
    used = sum(width_of(text) for text, _ in left) + 3
    ages = _ages(board, canvas.width - used - 1)
    canvas.spans(canvas.width - sum(width_of(text) for text, _ in ages) - 1, 1, ages)


def worst(board: Board) -> str:
    """How bad it is: `ok` only when every source is fresh and whole."""
    listed = {alert.severity for alert in board.listed_alerts() if alert.state == "firing"}
    bad_monitoring = bad_checks(board.shown, board.now)
    checks = {check.state for check in bad_monitoring if check.name not in BLINDING}
    trusts = board.sources.all()
    if "critical" in listed | checks:
        return "crit"
    if not board.alerts_known or not trusts:
        return "unknown"
    if any(one.is_stale for one in trusts):
        return "stale"
    bad = listed - {"info", "none"} or bad_monitoring or not board.is_whole
    return "warn" if bad or any(one.doubt for one in trusts) else "ok"


def _hand(now: float, cells: int) -> list[Span]:
    """A mark that moves every second: when it stands still, so does the program."""
    at = int(now) % cells
    return [("─" * at, "faint"), ("●", "accent"), ("─" * (cells - at - 1), "faint")]


def _clock(now: float, is_wide: bool) -> list[Span]:
    form = "%Y-%m-%d %H:%M:%S" if is_wide else "%H:%M:%S"
    utc, here = time.gmtime(now), time.localtime(now)
    return [
        (time.strftime(form, utc), "strong"),
        (" UTC  ", "muted"),
        (time.strftime("%H:%M:%S", here), "strong"),
        (f" {time.strftime('%Z', here)}" if is_wide else " loc", "muted"),
    ]


def _unclaimed(board: Board) -> list[Span]:
    """Alerts that fire and that nobody has silenced."""
    if not board.alerts_known:
        return [("? unclaimed", "unknown")]
    number = board.alerts.firing
    role = "crit" if board.alerts.critical else "warn" if number else "ok" if board.is_whole else "muted"
    return [(f"{number:,} unclaimed", role)]


def _where(rotation: Rotation, now: float, is_wide: bool) -> list[Span]:
    place, pages = rotation.position
    spans: list[Span] = [(rotation.page.upper(), "title"), (f" {place}/{pages}", "muted")]
    if rotation.pinned:
        return [*spans, (" ", "text"), (" NEW CRITICAL " if is_wide else "✕ NEW", "badge-crit")]
    if rotation.is_held:
        return [*spans, (" ", "text"), ("‖ HELD", "warn")]
    left = rotation.left_seconds(now)
    return spans if left is None else [*spans, (f" {left:.0f}s", "faint")]


def _ages(board: Board, room: int) -> list[Span]:
    """Every source with its age where there is room; else those in trouble and how many live."""
    trusts = board.sources.all()
    if not trusts:
        return [("✕ no source yet", "crit")]
    many = len(board.shown.live.clusters()) > 1
    for letters in (None, SHORT_NAME):
        everyone = _joined([_age(one, many, letters) for one in trusts])
        if sum(width_of(text) for text, _ in everyone) <= room:
            return everyone
    live: list[Span] = [(f"● {live_count(board.shown.live, board.now)} live", "ok")]
    bad = _joined([*(_age(one, many) for one in trusts if one.doubt or one.is_cut), live])
    if sum(width_of(text) for text, _ in bad) <= room:
        return bad
    doubtful = sum(bool(one.doubt or one.is_cut) for one in trusts)
    oldest = exact_age(max(one.age for one in trusts))
    return [(f"✕ {doubtful} not live, oldest {oldest}", "crit")] if doubtful else live


def _age(trust: Trust, many: bool, letters: int | None = None) -> list[Span]:
    """`slurm ● 2s`, or `slur●2s` where only so many letters of the name fit."""
    source = trust.source
    assert source is not None  # noqa: S101 - that of a list of sources
    name = f"{source.cluster}/{source.name}" if many else source.name
    glyph, role = ("✕", "crit") if trust.is_stale else ("◌", "warn") if trust.doubt == Doubt.LATE else ("●", "ok")
    if letters is not None and not many:
        return [(name[:letters], "muted"), (glyph, role), (exact_age(trust.age), "muted" if role == "ok" else role)]
    return [(f"{name} ", "muted"), (f"{glyph} ", role), (exact_age(trust.age), "muted" if role == "ok" else role)]


def _joined(parts: list[list[Span]]) -> list[Span]:
    spans: list[Span] = []
    for part in parts:
        spans += [("  ", "muted"), *part] if spans else part
    return spans
