"""The job list."""

from __future__ import annotations

from crashcart.backends.model import Job
from crashcart.ops.fields import Scene
from crashcart.tui import words
from crashcart.tui.states import job_mark, job_word

from .column import Cell, Column, by, by_name, by_text, field, last, number, plain

_STATE_ORDER = ("running", "completing", "suspended", "held", "pending")
CHECKPOINT_OLD_SECONDS = 2 * 3600.0
"""Above this age of the last checkpoint a running job's loss is worth a colour."""


def state(scene: Scene, job: Job) -> Cell:
    """Glyph and word."""
    glyph, role = job_mark(job)
    return ((f"{glyph} {job_word(job)}", role),)


def elapsed(scene: Scene, job: Job) -> Cell:
    """How long it has run; how long it waits, dim, when it has not started."""
    seconds = job.elapsed_seconds(scene.now)
    if seconds is None and job.submit_time is not None:
        return plain(words.age(scene.now - job.submit_time), "faint")
    return plain(words.age(seconds))


def checkpoint(scene: Scene, job: Job) -> Cell:
    """Age of the last complete checkpoint."""
    if not job.is_running:
        return plain("", "faint")
    if job.checkpoint_time is None:
        return plain(words.UNKNOWN, "faint")
    seconds = scene.now - job.checkpoint_time
    return plain(words.age(seconds), "warn" if seconds > CHECKPOINT_OLD_SECONDS else "text")


def _left(scene: Scene, job: Job) -> Cell:
    seconds = job.elapsed_seconds(scene.now)
    if job.time_limit_seconds is None or seconds is None:
        return plain(words.age(job.time_limit_seconds), "faint")
    left = job.time_limit_seconds - seconds
    return plain(words.age(left), "warn" if left < 900 else "muted")


def _where(scene: Scene, job: Job) -> Cell:
    if job.is_running:
        return plain(job.node_list, "muted")
    return plain(job.reason or "", "text")


def _where_order(scene: Scene, job: Job) -> str:
    return (job.reason or "") if job.is_pending else job.node_list


def _elapsed_order(scene: Scene, job: Job) -> tuple[bool, float]:
    return last(job.elapsed_seconds(scene.now))


def _restarts(scene: Scene, job: Job) -> Cell:
    if job.restarts is None:
        return plain(words.UNKNOWN, "faint")
    return plain(str(job.restarts) if job.restarts else "·", "warn" if job.restarts else "faint")


def _rank(job: Job) -> int:
    word = job_word(job)
    return _STATE_ORDER.index(word) if word in _STATE_ORDER else len(_STATE_ORDER)


def _has_workloads(scene: Scene) -> bool:
    return scene.joins.pods.has_workloads()


def _has_none(scene: Scene) -> bool:
    return not scene.joins.pods.has_workloads()


COLUMNS: tuple[Column[Job], ...] = (
    Column("id", "JOB", 9, field("id", "strong"), by_name("id"), 0, descending=True, when=_has_none),
    Column("id", "JOB", 16, field("id", "strong"), by_name("id"), 0, 4, most=44, descending=True, when=_has_workloads),
    Column("cluster", "CLUSTER", 8, field("cluster", "muted"), by_text("cluster"), 9),
    Column("state", "STATE", 11, state, lambda s, j: _rank(j), 1),
    Column("name", "NAME", 16, field("name"), by_text("name"), 2, 4, most=40),
    Column("user", "USER", 8, field("user", "muted"), by_text("user"), 3, 1, most=14),
    Column("partition", "PARTITION", 9, field("partition", "muted"), by_text("partition"), 8, when=_has_none),
    Column("partition", "QUEUE", 9, field("partition", "muted"), by_text("partition"), 8, 2, most=24,
           when=_has_workloads),
    Column("gpus", "GPUS", 5, number("gpus"), by("gpus"), 4, align="right", descending=True),
    Column("nodes", "NODES", 5, number("node_count"), by("node_count"), 5, align="right", descending=True),
    Column("elapsed", "TIME", 6, elapsed, _elapsed_order, 4, align="right", descending=True),
    Column("left", "LEFT", 6, _left, by("time_limit_seconds"), 10, align="right"),
    Column("checkpoint", "CKPT", 5, checkpoint, by("checkpoint_time"), 6, align="right"),
    Column("restarts", "↻", 2, _restarts, by("restarts"), 7, align="right", descending=True),
    Column("where", "WHERE / WHY", 16, _where, _where_order, 6, 5, most=50),
    Column("priority", "PRIO", 7, number("priority", "muted"), by("priority"), 12, align="right", descending=True),
    Column("account", "ACCOUNT", 9, field("account", "muted"), by_text("account"), 11),
)  # fmt: skip
