"""What asks for attention, worst first, in one line each: alerts, and nodes out of service that no alert is about."""

from __future__ import annotations

from dataclasses import dataclass

from crashcart.backends.model import Alert, Node

from . import words
from .cells import Span
from .columns.alerts import about, summary
from .pages.page import columns
from .shown import Shown
from .states import alert_mark, is_faulty, node_mark

_WORST = {"crit": 0, "warn": 1}
LONGEST = 24
QUIET_SEVERITIES = frozenset(("none", "info"))


def attention(shown: Shown) -> list[tuple[Span, ...]]:
    """All lines; the caller shows as many as fit."""
    merged = shown.joins.alerts.merged()
    alerts = [merged[key] for key in shown.keys("alert")]
    firing = [alert for alert in alerts if alert.state == "firing" and alert.severity not in QUIET_SEVERITIES]
    told = {node.key for alert in firing if (node := shown.joins.alerts.node(alert)) is not None}
    nodes = [shown.store.nodes[key] for key in shown.keys("node") if key not in told]
    items = [_alert(shown, alert) for alert in firing] + [_node(node) for node in nodes if is_faulty(node)]
    items.sort(key=lambda item: (_WORST.get(item.role, 2), -item.since))
    what = min(LONGEST, max((len(item.what) for item in items), default=0))
    which = min(LONGEST, max((len(item.which) for item in items), default=0))
    return [item.line(shown.scene.now, what, which) for item in items]


@dataclass(frozen=True, slots=True)
class _Item:
    glyph: str
    role: str
    since: float
    what: str
    which: str
    said: tuple[Span, ...]

    def line(self, now: float, what: int, which: int) -> tuple[Span, ...]:
        age = words.age(now - self.since) if self.since else words.UNKNOWN
        start = (
            (self.glyph, 1, self.role),
            (age, -5, "muted"),
            (self.what, what, self.role),
            (self.which, which, "strong"),
        )
        return (*columns(start), *self.said)


def _alert(shown: Shown, alert: Alert) -> _Item:
    glyph, role = alert_mark(alert)
    which = about(shown.scene, alert)
    return _Item(glyph, role, alert.since, alert.name, which, ((summary(alert), "text"),))


def _node(node: Node) -> _Item:
    glyph, role = node_mark(node)
    said: tuple[Span, ...] = ((node.reason or "no reason given", "text"), (f"  {node.reason_by or ''}", "muted"))
    return _Item(glyph, role, node.reason_at or 0.0, node.word, node.name, said)
