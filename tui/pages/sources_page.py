"""Who tells what the screen shows: every source with its state, and what the monitoring says of itself."""

from __future__ import annotations

from crashcart.backends.model import Check
from crashcart.backends.wire import Source
from crashcart.tui import words
from crashcart.tui.columns.targets import cause, node_name
from crashcart.tui.monitoring import trust
from crashcart.tui.places import Place
from crashcart.tui.shown import Shown
from crashcart.tui.states import check_mark, freshness_mark

from .page import Page, columns

LISTED = 50


def sources_page(shown: Shown, key: str, width: int) -> Page | None:
    """All sources, checks and failing targets of the chosen clusters."""
    page = Page((("Sources", "title"),), None, "sources")
    now = shown.scene.now
    page.heading("Alerts")
    for spans in trust(shown, now):
        page.spans(*spans)
    for (cluster, name), source in sorted(shown.live.sources.items()):
        if shown.cluster in (None, cluster):
            _source(page, shown, source, f"{cluster}/{name}", width)
    _targets(page, shown)
    return page


def _source(page: Page, shown: Shown, source: Source, name: str, width: int) -> None:
    now = shown.scene.now
    freshness = shown.live.freshness(source.cluster, source.name, now)
    glyph, role = freshness_mark(freshness)
    page.heading(name, f"read every {words.span(source.interval_seconds)}")
    last = source.last_success
    said = (
        "has never answered"
        if last is None
        else f"last good picture {words.age(now - last)} ago, at {words.of_day(last)}"
    )
    page.pair(f"{glyph} {freshness}", (said, role if freshness != "live" else "text"))
    if source.detail:
        page.text("", source.detail, width, role if freshness != "live" else "muted")
    checks = [
        check for check in shown.store.checks.values() if (check.cluster, check.source) == (source.cluster, source.name)
    ]
    for check in sorted(checks, key=lambda check: check.name):
        _check(page, check, now, width, is_old=freshness != "live")


def _check(page: Page, check: Check, now: float, width: int, *, is_old: bool) -> None:
    glyph, role = check_mark(check)
    when = f" ({words.age(now - check.since)})" if check.since is not None else ""
    text = f"{check.name}: {check.detail or check.state}{when}"
    page.text(
        f"{glyph} {check.state}",
        text + (" (as it was last seen)" if is_old else ""),
        width,
        "stale" if is_old else role,
    )


def _targets(page: Page, shown: Shown) -> None:
    keys = shown.keys("target")
    if not keys:
        return
    page.heading("Scrape targets that fail", words.count(len(keys)))
    for key in keys[:LISTED]:
        target = shown.store.targets[key]
        parts = ((target.job, 16, "strong"), (node_name(shown.scene, target) or target.instance, 16, "text"))
        since = (words.age(shown.scene.now - target.since), -5, "warn")
        page.link((*columns((*parts, since)), (cause(target), "text")), Place("target", key))
    if len(keys) > LISTED:
        page.link(((f"all {len(keys):,}", "accent"),), Place("targets"))
