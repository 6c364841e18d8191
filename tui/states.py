"""States as glyph, word and role: never colour alone."""

from __future__ import annotations

from crashcart.backends.model import Alert, Check, Job, Node, Queue, Silence
from crashcart.backends.pods import Budget, Pod
from crashcart.ops.findings import Verdict
from crashcart.ops.store import Freshness

Mark = tuple[str, str]
"""Glyph and role."""

_NODE: dict[str, Mark] = {
    "idle": ("○", "ok"),
    "mixed": ("◐", "ok"),
    "allocated": ("●", "ok"),
    "drained": ("▼", "warn"),
    "draining": ("▽", "warn"),
    "cordoned": ("▽", "warn"),
    "reboot": ("↻", "warn"),
    "maint": ("◆", "warn"),
    "down": ("✕", "crit"),
}
_JOB: dict[str, Mark] = {
    "running": ("●", "ok"),
    "completing": ("◔", "ok"),
    "configuring": ("◔", "ok"),
    "pending": ("○", "muted"),
    "held": ("◇", "warn"),
    "suspended": ("‖", "warn"),
    "stopped": ("‖", "warn"),
    "requeue_hold": ("◇", "warn"),
    "special_exit": ("◇", "warn"),
    "requeued": ("↻", "warn"),
    "completed": ("✓", "muted"),
    "cancelled": ("–", "muted"),
    "failed": ("✕", "crit"),
    "node_fail": ("✕", "crit"),
    "out_of_memory": ("✕", "crit"),
    "boot_fail": ("✕", "crit"),
    "timeout": ("✕", "warn"),
    "deadline": ("✕", "warn"),
    "preempted": ("↻", "warn"),
}
_SEVERITY: dict[str, Mark] = {
    "critical": ("✕", "crit"),
    "warning": ("▲", "warn"),
    "info": ("●", "accent"),
    "none": ("·", "muted"),
}
_QUIET: dict[str, Mark] = {"pending": ("◔", "accent"), "inhibited": ("↳", "muted"), "silenced": ("~", "faint")}
_SILENCE: dict[str, Mark] = {"active": ("~", "accent"), "pending": ("◔", "muted"), "expired": ("–", "faint")}
_CHECK: dict[str, Mark] = {"ok": ("✓", "ok"), "warning": ("▲", "warn"), "critical": ("✕", "crit")}
_QUEUE: dict[str, Mark] = {"UP": ("●", "ok"), "DRAIN": ("▽", "warn"), "INACTIVE": ("‖", "warn"), "DOWN": ("✕", "crit")}
_FRESHNESS: dict[Freshness, Mark] = {
    "live": ("●", "ok"),
    "loading": ("◌", "muted"),
    "late": ("◌", "warn"),
    "down": ("✕", "crit"),
    "denied": ("⊘", "crit"),
}
_POD: dict[str, Mark] = {
    "RUNNING": ("●", "ok"),
    "PENDING": ("○", "muted"),
    "TERMINATING": ("▽", "warn"),
    "SUCCEEDED": ("✓", "muted"),
    "FAILED": ("✕", "crit"),
}
_VERDICT: dict[Verdict, Mark] = {
    "agree": ("=", "faint"),
    "disagree": ("≠", "warn"),
    "unknown": ("?", "unknown"),
    "alone": ("·", "faint"),
}
_UNKNOWN: Mark = ("?", "unknown")
_ACTION: dict[str, Mark] = {
    "PLANNED": ("○", "muted"),
    "CONFIRMED": ("○", "muted"),
    "RUNNING": ("◔", "accent"),
    "VERIFYING": ("◑", "accent"),
    "VERIFIED": ("✓", "ok"),
    "FAILED": ("✕", "crit"),
    "UNKNOWN": ("?", "unknown"),
    "PARTIAL": ("◐", "warn"),
    "CANCELLED": ("–", "muted"),
    "EXPIRED": ("–", "muted"),
    "REFUSED": ("⊘", "warn"),
}


def word_mark(word: str) -> Mark:
    """Glyph and role of a node's state in a word."""
    return _NODE.get(word, _UNKNOWN)


def node_mark(node: Node) -> Mark:
    """Glyph and role of a node's state."""
    return word_mark(node.word)


def is_faulty(node: Node) -> bool:
    """Whether the node is not in service."""
    return node_mark(node)[1] not in ("ok",)


def job_word(job: Job) -> str:
    """The state in one word; a pending job that somebody holds is `held`, and so is a suspended workload."""
    if job.is_pending and (job.state == "SUSPENDED" or (job.reason or "").startswith("JobHeld")):
        return "held"
    return job.state.lower()


def job_mark(job: Job) -> Mark:
    """Glyph and role of a job's state."""
    return _JOB.get(job_word(job), _UNKNOWN)


def pod_mark(pod: Pod) -> Mark:
    """Glyph and role of a pod's phase; one that runs or waits with something wrong does not look well."""
    if pod.phase in ("RUNNING", "PENDING") and pod.reason:
        return ("▲", "warn") if pod.phase == "RUNNING" else ("○", "warn")
    return _POD.get(pod.phase, _UNKNOWN)


def budget_mark(budget: Budget) -> Mark:
    """Glyph and role of whether a disruption budget lets any of its pods go now."""
    if budget.allowed is None:
        return _UNKNOWN
    return ("●", "ok") if budget.allowed else ("✕", "warn")


def verdict_mark(verdict: Verdict) -> Mark:
    """Glyph and role of whether the planes that know a node agree."""
    return _VERDICT[verdict]


SEVERITIES = ("critical", "warning", "info", "none")
ALERT_STATES = ("firing", "pending", "inhibited", "silenced")
"""In the order in which they ask for attention; only what fires notifies somebody."""


def alert_word(alert: Alert) -> str:
    """How bad it is while it fires, else why nobody is told of it."""
    return alert.severity if alert.state == "firing" else alert.state


def alert_mark(alert: Alert) -> Mark:
    """Glyph and role of an alert; one that notifies nobody never looks like one that does."""
    if alert.state in _QUIET:
        return _QUIET[alert.state]
    return severity_mark(alert.severity)


def severity_mark(severity: str) -> Mark:
    """Glyph and role of a severity; a word that we do not know may be any, so it is not taken lightly."""
    return _SEVERITY.get(severity, ("▲", "warn"))


def severity_role(severity: str) -> str:
    """The role of a severity, whether or not the alert fires."""
    return severity_mark(severity)[1]


def severity_glyph(severity: str) -> tuple[str, str]:
    """Glyph, a blank and role of a severity, for an alert whose state stands where that usually is."""
    glyph, role = severity_mark(severity)
    return (f"{glyph} ", role)


def alert_section(alert: Alert) -> int:
    """Where its state stands among the states."""
    return ALERT_STATES.index(alert.state) if alert.state in ALERT_STATES else len(ALERT_STATES)


def severity_rank(alert: Alert) -> int:
    """0 is the worst; a word that we do not know stands with the warnings."""
    return SEVERITIES.index(alert.severity if alert.severity in SEVERITIES else "warning")


def silence_mark(silence: Silence) -> Mark:
    """Glyph and role of a silence's state."""
    return _SILENCE.get(silence.state, _UNKNOWN)


def check_mark(check: Check) -> Mark:
    """Glyph and role of what a source says about its own monitoring."""
    return _CHECK.get(check.state, _UNKNOWN)


def queue_mark(queue: Queue) -> Mark:
    """Glyph and role of a queue's state."""
    return _QUEUE.get(queue.state, _UNKNOWN)


def freshness_mark(freshness: Freshness) -> Mark:
    """Glyph and role of how a source is doing."""
    return _FRESHNESS[freshness]


def action_mark(state: str) -> Mark:
    """Glyph and role of an action's state."""
    return _ACTION.get(state, _UNKNOWN)
