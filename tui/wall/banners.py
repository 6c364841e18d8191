"""What no page may hide: dead sources, a dead alert pipeline and a dead collector, in full width under the strip."""

from __future__ import annotations

from dataclasses import dataclass

from crashcart.tui import monitoring

from .board import Board
from .canvas import Canvas
from .source_doubt import Doubt, Trust, exact_age

MOST = 3
MOST_ON_SMALL = 2
SMALL = 20
COLLECTOR_GRACE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class BannerLine:
    """`fill` is what the rest of the line is drawn with: hatched for what is old, solid for what is dead."""

    text: str
    role: str
    fill: str = " "


def lines(board: Board) -> list[BannerLine]:
    """All of them, the worst first."""
    return [*_collector(board), *_pipeline(board), *_sources(board)]


def draw_banners(canvas: Canvas, board: Board, y: int) -> int:
    """Draw them from line `y` on; return the line after them."""
    found = lines(board)
    most = MOST_ON_SMALL if canvas.height < SMALL else MOST
    shown = found if len(found) <= most else found[: most - 1]
    for line in shown:
        canvas.fill(y, line.fill, line.role)
        canvas.put(0, y, f" {line.text} ", line.role)
        y += 1
    if len(found) > len(shown):
        canvas.fill(y, " ", "badge-warn")
        canvas.put(0, y, f" ░ and {len(found) - len(shown)} more that are not live ", "badge-warn")
        y += 1
    return y


def _collector(board: Board) -> list[BannerLine]:
    store = board.shown.live
    if store.collector_alive:
        return []
    silent = board.sources.empty_seconds
    if silent is not None and silent < COLLECTOR_GRACE_SECONDS:
        return []
    why = board.masks.text(store.collector_trouble) or "nothing has come from it"
    return [BannerLine(f"✕ COLLECTOR GONE: {why}", "badge-crit")]


def _pipeline(board: Board) -> list[BannerLine]:
    """Checks that say whether an alert would be listed at all."""
    bad = monitoring.bad_checks(board.shown, board.now)
    dead = [check for check in bad if check.state == "critical" and check.name in monitoring.BLINDING]
    if dead:
        said = "; ".join(monitoring.check_text(check, board.now) for check in dead)
        return [BannerLine(f"✕ ALERTS UNKNOWN: {board.masks.text(said)}", "badge-crit")]
    if not board.alerts_known and not board.sources.of(("alert",)).is_known and board.sources.empty_seconds is None:
        return [BannerLine("? ALERTS UNKNOWN: no source of alerts has answered", "badge-unknown")]
    return []


def _sources(board: Board) -> list[BannerLine]:
    return [_source(board, one) for one in board.sources.all() if one.doubt >= Doubt.GONE]


def _source(board: Board, trust: Trust) -> BannerLine:
    source = trust.source
    assert source is not None  # noqa: S101 - that of a list of sources
    many = len(board.shown.live.clusters()) > 1
    name = f"{source.cluster}/{source.name}" if many else source.name
    detail = f": {board.masks.text(source.detail)}" if source.detail else ""
    role = "badge-crit" if trust.doubt == Doubt.OLD else "badge-warn"
    return BannerLine(f"░ STALE {exact_age(trust.age)}  {name}{detail}", role, "░")
