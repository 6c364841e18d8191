"""The alert list."""

from __future__ import annotations

from crashcart.backends.model import Alert
from crashcart.ops.fields import Scene
from crashcart.tui import words
from crashcart.tui.alert_strip import Samples, day_of, strip
from crashcart.tui.natural import natural
from crashcart.tui.states import alert_mark, alert_word, severity_glyph, severity_rank, severity_role

from .column import Cell, Column, by, by_text, field, plain

STRIP_CELLS = 24
UNROUTED_AFTER_SECONDS = 60.0
"""Prometheus sends an alert at once, but two pictures are read at two times: before this it is no finding."""


def severity(scene: Scene, alert: Alert) -> Cell:
    """Glyph and word: how bad it is, or why nobody is told."""
    glyph, role = alert_mark(alert)
    return ((f"{glyph} {alert_word(alert)}", role),)


def _rank(scene: Scene, alert: Alert) -> tuple[int, float]:
    return (severity_rank(alert), -alert.since)


def about(scene: Scene, alert: Alert) -> str:
    """Its node, else its job, else the machine that a label names, else nothing."""
    name = node_name(scene, alert)
    if name:
        return name
    job = scene.joins.alerts.job(alert)
    return f"job {job.id}" if job else scene.joins.alerts.place(alert)


def node_name(scene: Scene, alert: Alert) -> str:
    """The node an alert is about, or nothing."""
    node = scene.joins.alerts.node(alert)
    return node.name if node else ""


def _about(scene: Scene, alert: Alert) -> Cell:
    gpu = scene.joins.alerts.gpu(alert)
    return ((about(scene, alert), "text"), ("" if gpu is None else f":{gpu}", "accent"))


def _about_order(scene: Scene, alert: Alert) -> tuple[object, int]:
    return (natural(about(scene, alert)), scene.joins.alerts.gpu(alert) or 0)


def _since(scene: Scene, alert: Alert) -> Cell:
    return plain(words.age(scene.now - alert.since), "muted")


def day_samples(scene: Scene, alert: Alert, cells: int) -> Samples | None:
    """How many alerts of this name fired in each of `cells` stretches of the last 24 hours."""
    listed_by = scene.joins.alerts.sources(alert)
    return day_of(scene.store, alert.cluster, alert.name, scene.now, cells, listed_by=listed_by)


def day(scene: Scene, alert: Alert) -> Cell:
    """The last 24 hours of all alerts of this name."""
    samples = day_samples(scene, alert, STRIP_CELLS)
    return plain(strip(samples, STRIP_CELLS), "faint" if samples is None else severity_role(alert.severity))


def summary(alert: Alert) -> str:
    """What the rule says about it."""
    notes = dict(alert.annotations)
    return notes.get("summary") or notes.get("description") or ""


def quietness(scene: Scene, alert: Alert) -> str:
    """Behind the state's word: until when and by whom it is quiet; nothing for an alert that does notify."""
    match alert.state:
        case "pending":
            return "nobody is told yet"
        case "inhibited":
            names = sorted({other.name for other in scene.joins.alerts.inhibitors(alert)})
            return f"by {', '.join(names) or 'an alert that is gone'}"
        case "silenced":
            return _silenced(scene, alert)
    if scene.joins.alerts.is_unrouted(alert.key) and scene.now - alert.when > UNROUTED_AFTER_SECONDS:
        return "not in Alertmanager"
    return ""


def _silenced(scene: Scene, alert: Alert) -> str:
    silences = scene.joins.alerts.silences(alert)
    if not silences:
        return f"by silence {', '.join(alert.silenced_by)}" if alert.silenced_by else "by a time interval"
    more = f" and {len(silences) - 1} more" if len(silences) > 1 else ""
    return f"until {words.moment(silences[0].ends, scene.now)} by {silences[0].created_by}{more}"


def said(scene: Scene, alert: Alert) -> Cell:
    """Why it is quiet, then what the rule says."""
    quiet = quietness(scene, alert)
    if not quiet:
        return plain(summary(alert))
    role = "warn" if alert.state == "firing" else "accent"
    severity = () if alert.state == "firing" else (severity_glyph(alert.severity),)
    return (*severity, (f"{quiet}  ", role), (summary(alert), "text"))


COLUMNS: tuple[Column[Alert], ...] = (
    Column("severity", "SEVERITY", 11, severity, _rank, 0),
    Column("name", "ALERT", 16, field("name", "strong"), by_text("name"), 1, 2, most=32),
    Column("cluster", "CLUSTER", 8, field("cluster", "muted"), by_text("cluster"), 6),
    Column("about", "ABOUT", 10, _about, _about_order, 2, 1, most=18),
    Column("since", "SINCE", 6, _since, by("since"), 3, align="right"),
    Column("day", "24H", STRIP_CELLS, day, by_text("name"), 5),
    Column("summary", "SUMMARY", 18, said, lambda s, a: summary(a), 3, 5),
)
