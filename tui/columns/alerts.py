"""The alert list."""

from __future__ import annotations

from crashcart.backends.model import Alert
from crashcart.ops.fields import Scene
from crashcart.tui import words
from crashcart.tui.natural import natural
from crashcart.tui.states import alert_mark

from .column import Cell, Column, by, by_text, field, last, plain

_SEVERITIES = ("critical", "warning", "info", "none")


def _severity(scene: Scene, alert: Alert) -> Cell:
    glyph, role = alert_mark(alert)
    return ((f"{glyph} {'silenced' if alert.state == 'suppressed' else alert.severity}", role),)


def _rank(scene: Scene, alert: Alert) -> tuple[bool, int, float]:
    severity = _SEVERITIES.index(alert.severity) if alert.severity in _SEVERITIES else len(_SEVERITIES)
    return (alert.state == "suppressed", severity, -alert.since)


def node_name(scene: Scene, alert: Alert) -> str:
    """The node an alert is about, or nothing."""
    node = scene.joins.alert_node(alert)
    return node.name if node else ""


def _gpu(scene: Scene, alert: Alert) -> Cell:
    gpu = scene.joins.alert_gpu(alert)
    return plain("" if gpu is None else str(gpu))


def _since(scene: Scene, alert: Alert) -> Cell:
    return plain(words.age(scene.now - alert.since), "muted")


def summary(alert: Alert) -> str:
    """What the rule says about it."""
    notes = dict(alert.annotations)
    return notes.get("summary") or notes.get("description") or ""


COLUMNS: tuple[Column[Alert], ...] = (
    Column("severity", "SEVERITY", 10, _severity, _rank, 0),
    Column("name", "ALERT", 16, field("name", "strong"), by_text("name"), 1, 2, most=30),
    Column("cluster", "CLUSTER", 8, field("cluster", "muted"), by_text("cluster"), 6),
    Column("node", "NODE", 10, lambda s, a: plain(node_name(s, a)), lambda s, a: natural(node_name(s, a)), 2),
    Column("gpu", "GPU", 3, _gpu, lambda s, a: last(s.joins.alert_gpu(a)), 4, align="right"),
    Column("since", "SINCE", 6, _since, by("since"), 3, align="right"),
    Column("state", "STATE", 10, field("state", "muted"), by_text("state"), 7),
    Column("summary", "SUMMARY", 18, lambda s, a: plain(summary(a)), lambda s, a: summary(a), 3, 5),
)
