"""Alerts and silences in one line each, for pages that list them."""

from __future__ import annotations

from crashcart.backends.model import Alert, Silence
from crashcart.tui import words
from crashcart.tui.cells import Span
from crashcart.tui.columns.alerts import quietness, summary
from crashcart.tui.columns.silences import matchers
from crashcart.tui.shown import Shown
from crashcart.tui.states import alert_mark, alert_word, silence_mark

from .page import columns


def alert_spans(shown: Shown, alert: Alert) -> tuple[Span, ...]:
    """An alert in one line."""
    glyph, role = alert_mark(alert)
    since = words.age(shown.scene.now - alert.since)
    quiet = quietness(shown.scene, alert)
    start = ((f"{glyph} {alert_word(alert)}", 11, role), (alert.name, 24, "strong"), (since, -5, "muted"))
    return (*columns(start), (f"{quiet}  " if quiet else "", "accent"), (summary(alert), "text"))


def silence_spans(shown: Shown, silence: Silence) -> tuple[Span, ...]:
    """A silence in one line: who, until when, why, what."""
    glyph, role = silence_mark(silence)
    until = words.moment(silence.ends, shown.scene.now)
    start = ((f"{glyph} {silence.state}", 9, role), (silence.created_by, 20, "strong"), (f"until {until}", 17, "text"))
    return (*columns(start), (silence.comment, "text"), (f"  {matchers(silence)}", "muted"))
