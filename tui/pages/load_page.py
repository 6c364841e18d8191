"""What Crashcart itself costs: every repeated request of every source, on our side and on the other."""

from __future__ import annotations

from crashcart.backends.model import Load, RequestLoad
from crashcart.tui import words
from crashcart.tui.cells import Span
from crashcart.tui.painting.meter import Meter
from crashcart.tui.shown import Shown
from crashcart.tui.slow_link import WORD, rate

from .page import Page, columns

WIDTHS = (30, -6, -8, -7, -8, -8, -10)
TITLES = ("REQUEST", "EVERY", "OURS", "SIZE", "ROWS", "THEIRS", "SAMPLES")
HEAVY_SHARE = 0.05
"""Of one core of the server: more than this is worth a colour."""


def load_page(shown: Shown, key: str, width: int) -> Page | None:
    """The requests of the chosen clusters' sources."""
    page = Page((("Load we cause", "title"),), None, "load")
    _terminal(page, shown.terminal)
    loads = [load for (cluster, _), load in sorted(shown.store.loads.items()) if shown.cluster in (None, cluster)]
    if not loads:
        page.heading("Nothing is known", "no source has told yet what its requests cost")
        return page
    page.heading("In all", "of one core of each server, where it says what a request took")
    for load in loads:
        name = f"{load.cluster}/{load.source}"
        page.spans(*columns(((name, 30, "strong"),)), *_sum(load))
    for load in loads:
        page.heading(f"{load.cluster}/{load.source}", f"as of {words.age(shown.scene.now - load.when)} ago")
        page.note(_row(TITLES), "faint")
        for request in sorted(load.requests, key=lambda request: -(_share(request) or request.seconds / 1e6)):
            page.spans(*columns(_cells(request)))
    return page


def _terminal(page: Page, meter: Meter) -> None:
    """What is written to whoever looks at this."""
    page.heading("This terminal", "over the last ten seconds")
    trip = "" if meter.round_trip is None else f"   answers in {_seconds(meter.round_trip)}"
    mode = "slow link" if meter.is_slow_link else f"fast link; :{WORD} paints less"
    page.spans((f"{rate(meter)}{trip}   ", "text"), (mode, "muted"))


def _share(request: RequestLoad) -> float | None:
    """Of one core of the server, all the time."""
    if request.server_seconds is None or request.every_seconds <= 0:
        return None
    return request.server_seconds / request.every_seconds


def _sum(load: Load) -> tuple[Span, ...]:
    shares = [share for request in load.requests if (share := _share(request)) is not None]
    rate = sum(request.size_bytes / request.every_seconds for request in load.requests if request.every_seconds > 0)
    ours = sum(request.seconds / request.every_seconds for request in load.requests if request.every_seconds > 0)
    moved = f"   {words.size(rate)}/s   {ours * 100:.1f} % of the time waiting for it"
    if not shares:
        return (("not told by the server", "muted"), (moved, "muted"))
    silent = len(load.requests) - len(shares)
    at_least = "at least " if silent else ""
    total = sum(shares)
    return ((f"{at_least}{total * 100:.1f} %", "warn" if total > HEAVY_SHARE else "text"), (moved, "muted"))


def _cells(request: RequestLoad) -> list[tuple[str, int, str]]:
    texts = (
        request.what,
        words.age(request.every_seconds),
        _seconds(request.seconds),
        words.size(request.size_bytes),
        words.count(request.rows),
        _seconds(request.server_seconds),
        words.count(request.server_samples),
    )
    share = _share(request)
    heavy = share is not None and share > HEAVY_SHARE
    roles = ("text", "muted", "text", "text", "text", "warn" if heavy else "text", "muted")
    return list(zip(texts, WIDTHS, roles, strict=True))


def _row(texts: tuple[str, ...]) -> str:
    return "".join(text for text, _ in columns([(text, width, "") for text, width in zip(texts, WIDTHS, strict=True)]))


def _seconds(value: float | None) -> str:
    if value is None:
        return words.UNKNOWN
    return f"{value * 1000:.0f} ms" if value < 10 else f"{value:.1f} s"
