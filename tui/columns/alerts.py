"""The alert list."""

from __future__ import annotations

from crashcart.backends.model import Alert, Job
from crashcart.ops.fields import Scene
from crashcart.tui import words
from crashcart.tui.natural import natural
from crashcart.tui.states import alert_mark, is_quiet

from .column import Cell, Column, by, by_text, field, last, plain

_SEVERITIES = ("critical", "warning", "info", "none")


def _severity(scene: Scene, alert: Alert) -> Cell:
    glyph, role = alert_mark(alert)
    return ((f"{glyph} {alert.state if is_quiet(alert) else alert.severity}", role),)


def _rank(scene: Scene, alert: Alert) -> tuple[bool, int, float]:
    severity = _SEVERITIES.index(alert.severity) if alert.severity in _SEVERITIES else len(_SEVERITIES)
    return (is_quiet(alert), severity, -alert.since)


JOB_LABELS = ("job_id", "jobid", "slurm_job_id", "job")
"""Labels that may hold a job id. Prometheus says `job` for a scrape, so it counts only when such a job exists."""


def alert_job(scene: Scene, alert: Alert) -> Job | None:
    """The job an alert is about, by its labels."""
    labels = dict(alert.labels)
    keys = (f"{alert.cluster}/{labels[name]}" for name in JOB_LABELS if name in labels)
    return next((job for key in keys if (job := scene.store.jobs.get(key)) is not None), None)


def about(scene: Scene, alert: Alert) -> str:
    """Its node, else its job, else nothing."""
    name = node_name(scene, alert)
    if name:
        return name
    job = alert_job(scene, alert)
    return f"job {job.id}" if job else ""


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
    Column("about", "ABOUT", 11, lambda s, a: plain(about(s, a)), lambda s, a: natural(about(s, a)), 2),
    Column("gpu", "GPU", 3, _gpu, lambda s, a: last(s.joins.alert_gpu(a)), 4, align="right"),
    Column("since", "SINCE", 6, _since, by("since"), 3, align="right"),
    Column("state", "STATE", 10, field("state", "muted"), by_text("state"), 7),
    Column("summary", "SUMMARY", 18, lambda s, a: plain(summary(a)), lambda s, a: summary(a), 3, 5),
)
