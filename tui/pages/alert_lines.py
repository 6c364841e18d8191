"""Alerts and silences in one line each, for pages that list them."""

from __future__ import annotations

from crashcart.backends.model import Alert, Job, Silence
from crashcart.tui import words
from crashcart.tui.cells import Span
from crashcart.tui.columns.alerts import quietness, summary
from crashcart.tui.columns.silences import matchers
from crashcart.tui.places import Place
from crashcart.tui.shown import Shown
from crashcart.tui.states import alert_mark, alert_word, silence_mark

from .page import Page, columns

LISTED = 30


def alert_spans(shown: Shown, alert: Alert) -> tuple[Span, ...]:
    """An alert in one line."""
    glyph, role = alert_mark(alert)
    since = words.age(shown.scene.now - alert.since)
    quiet = quietness(shown.scene, alert)
    start = ((f"{glyph} {alert_word(alert)}", 11, role), (alert.name, 24, "strong"), (since, -5, "muted"))
    return (*columns(start), (f"{quiet}  " if quiet else "", "accent"), (summary(alert), "text"))


def alerts_of_job(page: Page, shown: Shown, job: Job) -> None:
    """Alerts that name the job, and those that fire on its nodes."""
    joins = shown.joins
    named = joins.alerts.of_job(job.key)
    on_nodes = [alert for node in joins.nodes_of_job(job) for alert in joins.alerts.firing_on(node.key)]
    alerts = list({alert.key: alert for alert in (*named, *on_nodes)}.values())
    if not alerts:
        return
    page.heading("Alerts", words.plural(len(alerts), "alert") + " of the job or of its nodes")
    for alert in alerts[:LISTED]:
        page.link(alert_spans(shown, alert), Place("alert", alert.key))
    if len(alerts) > LISTED:
        page.note(f"and {len(alerts) - LISTED:,} more")


def silence_spans(shown: Shown, silence: Silence) -> tuple[Span, ...]:
    """A silence in one line: who, until when, why, what."""
    glyph, role = silence_mark(silence)
    until = words.moment(silence.ends, shown.scene.now)
    start = ((f"{glyph} {silence.state}", 9, role), (silence.created_by, 20, "strong"), (f"until {until}", 17, "text"))
    return (*columns(start), (silence.comment, "text"), (f"  {matchers(silence)}", "muted"))
