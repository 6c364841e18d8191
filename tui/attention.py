"""What asks for attention, worst first, in one line each: alerts, and nodes out of service that no alert is about."""

from __future__ import annotations

from crashcart.backends.model import Alert, Node

from . import words
from .cells import Span
from .columns.alerts import node_name, summary
from .pages.page import columns
from .shown import Shown
from .states import alert_mark, is_faulty, node_mark

_WORST = {"crit": 0, "warn": 1}
QUIET_SEVERITIES = frozenset(("none", "info"))


def attention(shown: Shown) -> list[tuple[Span, ...]]:
    """All lines; the caller shows as many as fit."""
    alerts = [shown.store.alerts[key] for key in shown.keys("alert")]
    firing = [alert for alert in alerts if alert.state == "firing" and alert.severity not in QUIET_SEVERITIES]
    told = {node.key for alert in firing if (node := shown.joins.alert_node(alert)) is not None}
    nodes = [shown.store.nodes[key] for key in shown.keys("node") if key not in told]
    entries = [(_WORST.get(alert_mark(alert)[1], 2), -alert.since, _alert(shown, alert)) for alert in firing]
    entries += [
        (_WORST.get(node_mark(node)[1], 2), -(node.reason_at or 0.0), _node(shown, node))
        for node in nodes
        if is_faulty(node)
    ]
    return [line for _, _, line in sorted(entries, key=lambda entry: entry[:2])]


def _alert(shown: Shown, alert: Alert) -> tuple[Span, ...]:
    glyph, role = alert_mark(alert)
    since = words.age(shown.scene.now - alert.since)
    parts = (
        (glyph, 1, role),
        (since, -5, "muted"),
        (alert.name, 20, role),
        (node_name(shown.scene, alert), 10, "strong"),
    )
    return (*columns(parts), (summary(alert), "text"))


def _node(shown: Shown, node: Node) -> tuple[Span, ...]:
    glyph, role = node_mark(node)
    since = words.age(None if node.reason_at is None else shown.scene.now - node.reason_at)
    parts = ((glyph, 1, role), (since, -5, "muted"), (node.word, 20, role), (node.name, 10, "strong"))
    return (*columns(parts), (node.reason or "no reason given", "text"), (f"  {node.reason_by or ''}", "muted"))
