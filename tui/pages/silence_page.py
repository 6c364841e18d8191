"""Everything about one silence: what it matches, who made it and why, until when, and what it keeps quiet."""

from __future__ import annotations

from crashcart.tui import words
from crashcart.tui.columns.silences import ENDS_SOON_SECONDS, kept_quiet, matchers
from crashcart.tui.places import Place
from crashcart.tui.selection import Selection
from crashcart.tui.shown import Shown
from crashcart.tui.states import silence_mark

from .alert_lines import alert_spans
from .page import Page

LISTED = 200


def silence_page(shown: Shown, key: str, width: int) -> Page | None:
    """The page of a silence, or None when the picture has no such silence."""
    silence = shown.store.silences.get(key)
    if silence is None:
        return None
    glyph, role = silence_mark(silence)
    subject = None if silence.state == "expired" else Selection("silence", silence.cluster, (silence.id,))
    page = Page(
        (("Silence ", "muted"), (matchers(silence), "title"), (f"  {glyph} {silence.state}", role)), subject, silence.id
    )
    now = shown.scene.now
    page.text("Comment", silence.comment or words.UNKNOWN, width)
    page.pair("Made by", (silence.created_by, "text"))
    page.pair("From", (words.date_and_time(silence.starts), "text"))
    left = silence.ends - now
    ends = f"   {words.span(left)} left" if left > 0 else f"   {words.span(-left)} ago"
    soon = silence.state == "active" and left < ENDS_SOON_SECONDS
    page.pair("Until", (words.date_and_time(silence.ends), "text"), (ends, "warn" if soon else "muted"))
    freshness = shown.store.freshness(silence.cluster, silence.source, now)
    page.pair(
        "Known",
        (f"{words.age(now - shown.store.when_true(silence))} ago", "text"),
        (f"   from {silence.source}, {freshness}", "muted" if freshness == "live" else "warn"),
    )
    page.pair("Id", (silence.id, "faint"))
    page.heading("Matches", "all of these, each on the whole value")
    for matcher in silence.matchers:
        page.note(f"  {matcher}", "text")
    alerts = kept_quiet(shown.scene, silence)
    page.heading("Keeps quiet", words.plural(len(alerts), "alert") if alerts else "nothing now")
    for alert in alerts[:LISTED]:
        page.link(
            alert_spans(shown, alert),
            Place("alert", alert.key),
            Selection("alert", alert.cluster, (alert.fingerprint,)),
        )
    if len(alerts) > LISTED:
        page.note(f"and {len(alerts) - LISTED:,} more")
    return page
