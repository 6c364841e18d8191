"""What asks for attention, worst first, in one line each: alerts, nodes out of service, planes that disagree."""

from __future__ import annotations

from dataclasses import dataclass

from crashcart.backends.model import Alert, Check, Node
from crashcart.ops.alert_joins import is_heartbeat
from crashcart.ops.findings import Finding
from crashcart.ops.targets import fold

from . import words
from .cells import Span
from .columns.alerts import about, node_name, summary
from .monitoring import bad_checks
from .natural import natural
from .pages.page import columns
from .shown import Shown
from .states import alert_mark, check_mark, is_faulty, node_mark

_WORST = {"crit": 0, "warn": 1}
LONGEST = 24
ONE_BY_ONE = 2
"""Alerts of one name that get a line each; more of them are one line."""


def attention(shown: Shown) -> Attention:
    """All of it; the caller shows as many lines as fit. Many alerts of one name are one line."""
    merged = shown.joins.alerts.merged()
    alerts = [merged[key] for key in shown.keys("alert")]
    firing = [alert for alert in alerts if alert.state == "firing" and not _is_background(alert)]
    told = {node.key for alert in firing if (node := shown.joins.alerts.node(alert)) is not None}
    nodes = [shown.store.nodes[key] for key in shown.keys("node") if key not in told]
    items = [_check(shown, check) for check in bad_checks(shown, shown.scene.now) if check.state == "critical"]
    items += _alerts(shown, firing) + [_node(node) for node in nodes if is_faulty(node)]
    items += [*_findings(shown, told), *_doubts(shown), *_strays(shown)]
    items.sort(key=lambda item: (_WORST.get(item.role, 2), -item.since))
    return Attention(tuple(items))


def _is_background(alert: Alert) -> bool:
    return alert.severity == "info" or is_heartbeat(alert)


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


@dataclass(frozen=True, slots=True)
class Attention:
    """What asks for attention at one revision of the picture; ages are those of the moment it is drawn."""

    items: tuple[_Item, ...] = ()

    def __len__(self) -> int:
        return len(self.items)

    def line(self, index: int, now: float) -> tuple[Span, ...]:
        """One line, in columns as wide as all of them need."""
        what = min(LONGEST, max(len(item.what) for item in self.items))
        which = min(LONGEST, max(len(item.which) for item in self.items))
        return self.items[index].line(now, what, which)


def _alerts(shown: Shown, firing: list[Alert]) -> list[_Item]:
    alike: dict[tuple[str, str, str], list[Alert]] = {}
    for alert in firing:
        alike.setdefault((alert.cluster, alert.name, alert.severity), []).append(alert)
    items: list[_Item] = []
    for alerts in alike.values():
        items += [_storm(shown, alerts)] if len(alerts) > ONE_BY_ONE else [_alert(shown, alert) for alert in alerts]
    return items


def _alert(shown: Shown, alert: Alert) -> _Item:
    glyph, role = alert_mark(alert)
    which = about(shown.scene, alert)
    return _Item(glyph, role, alert.since, alert.name, which, ((summary(alert), "text"),))


def _storm(shown: Shown, alerts: list[Alert]) -> _Item:
    """Many of one name: how many, where, since the newest."""
    glyph, role = alert_mark(alerts[0])
    names = {name for alert in alerts if (name := node_name(shown.scene, alert))}
    since = max(alert.since for alert in alerts)
    said = fold(names) if names else summary(alerts[0])
    return _Item(glyph, role, since, alerts[0].name, f"×{len(alerts):,}", ((said, "text"),))


_TITLES = {"planes": "planes disagree", "exporter": "exporter silent", "missing": "GPUs missing"}
NAMED = 4


def _findings(shown: Shown, told: set[str]) -> list[_Item]:
    """What planes disagree about; of what the telemetry lacks, only what no alert tells already."""
    alike: dict[tuple[str, str], list[tuple[str, list[Finding]]]] = {}
    for key, findings in shown.joins.findings.by_node(shown.scene.now).items():
        cluster, _, name = key.partition("/")
        for kind in _TITLES:
            mine = [finding for finding in findings if finding.kind == kind and finding.is_known]
            if mine and shown.cluster in (None, cluster) and (kind == "planes" or key not in told):
                alike.setdefault((cluster, kind), []).append((name, mine))
    items: list[_Item] = []
    for (_, kind), found in alike.items():
        lines = [_finding(_TITLES[kind], name, mine) for name, mine in found]
        items += lines if len(lines) <= ONE_BY_ONE else [_many(_TITLES[kind], [name for name, _ in found], lines)]
    return items


def _finding(what: str, name: str, findings: list[Finding]) -> _Item:
    since = max(finding.since or 0.0 for finding in findings)
    return _Item("≠", "warn", since, what, name, (("; ".join(finding.text for finding in findings), "text"),))


def _many(what: str, names: list[str], lines: list[_Item]) -> _Item:
    return _Item("≠", "warn", max(line.since for line in lines), what, f"×{len(names):,}", ((fold(names), "text"),))


def _doubts(shown: Shown) -> list[_Item]:
    """Nodes of which a plane is not live: that nothing contradicts is no agreement."""
    keys = [key for key in shown.joins.findings.unknown(shown.scene.now) if _is_shown(shown, key)]
    if not keys:
        return []
    names = fold(key.partition("/")[2] for key in keys)
    return [_Item("?", "unknown", 0.0, "planes not known", f"×{len(keys):,}", ((names, "text"),))]


def _strays(shown: Shown) -> list[_Item]:
    """Hosts that only metrics know."""
    hosts = [host for cluster, host in shown.joins.findings.strays(shown.scene.now) if shown.cluster in (None, cluster)]
    if not hosts:
        return []
    hosts.sort(key=natural)
    said = ", ".join(hosts[:NAMED]) + (f" and {len(hosts) - NAMED:,} more" if len(hosts) > NAMED else "")
    return [_Item("≠", "warn", 0.0, "in metrics only", f"×{len(hosts):,}", ((f"{said}: no scheduler", "text"),))]


def _is_shown(shown: Shown, key: str) -> bool:
    return shown.cluster in (None, key.partition("/")[0])


def _check(shown: Shown, check: Check) -> _Item:
    glyph, role = check_mark(check)
    said = check.detail or "the monitoring is not whole"
    return _Item(glyph, role, check.since or check.when, check.name, check.source, ((said, "text"),))


def _node(node: Node) -> _Item:
    glyph, role = node_mark(node)
    said: tuple[Span, ...] = ((node.reason or "no reason given", "text"), (f"  {node.reason_by or ''}", "muted"))
    return _Item(glyph, role, node.reason_at or 0.0, node.word, node.name, said)
