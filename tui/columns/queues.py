"""The list of queues (partitions)."""

from __future__ import annotations

from crashcart.backends.model import Queue
from crashcart.ops.fields import Scene
from crashcart.tui import words
from crashcart.tui.cells import Span
from crashcart.tui.states import queue_mark

from .column import Cell, Column, by, by_name, by_text, field, last, number, plain

BAR = 12


def bar(used: float | None, total: float | None, width: int = BAR) -> tuple[Span, ...]:
    """A thin bar; dotted when not known."""
    if not total or used is None:
        return (("┄" * width, "faint"),)
    full = min(width, round(width * used / total))
    return (("━" * full, "accent"), ("─" * (width - full), "faint"))


def _state(scene: Scene, queue: Queue) -> Cell:
    glyph, role = queue_mark(queue)
    return ((f"{glyph} {queue.state.lower()}", role),)


def _name(scene: Scene, queue: Queue) -> Cell:
    return ((queue.name, "strong"), (" default" if queue.is_default else "", "faint"))


def _gpus(scene: Scene, queue: Queue) -> Cell:
    counts = scene.joins.queue_counts(queue)
    return (*bar(counts.gpus_used, counts.gpus_total), (f" {words.share(counts.gpus_used, counts.gpus_total)}", "text"))


def _out_of_service(scene: Scene, queue: Queue) -> Cell:
    nodes = scene.joins.queue_counts(queue).nodes
    drained, down = nodes["drained"] + nodes["draining"], nodes["down"]
    spans: list[Span] = []
    if down:
        spans.append((f"✕ {down} down ", "crit"))
    if drained:
        spans.append((f"▼ {drained} drained", "warn"))
    return tuple(spans) or plain("·", "faint")


def _why(scene: Scene, queue: Queue) -> Cell:
    reasons = scene.joins.queue_counts(queue).reasons.most_common(3)
    return plain("  ".join(f"{reason} {number:,}" for reason, number in reasons), "muted")


def _limit(scene: Scene, queue: Queue) -> Cell:
    return plain(words.age(queue.max_time_seconds), "muted")


def _gpus_order(scene: Scene, queue: Queue) -> tuple[bool, int]:
    return last(scene.joins.queue_counts(queue).gpus_used)


def _out_order(scene: Scene, queue: Queue) -> int:
    return -scene.joins.queue_counts(queue).nodes["down"]


def _running(scene: Scene, queue: Queue) -> int | None:
    counts = scene.joins.queue_counts(queue)
    return counts.running if counts.knows_jobs else None


def _pending(scene: Scene, queue: Queue) -> int | None:
    counts = scene.joins.queue_counts(queue)
    return counts.pending if counts.knows_jobs else None


def _running_order(scene: Scene, queue: Queue) -> tuple[bool, int]:
    return last(_running(scene, queue))


def _pending_order(scene: Scene, queue: Queue) -> tuple[bool, int]:
    return last(_pending(scene, queue))


COLUMNS: tuple[Column[Queue], ...] = (
    Column("name", "QUEUE", 14, _name, by_name("name"), 0, 1, most=24),
    Column("cluster", "CLUSTER", 8, field("cluster", "muted"), by_text("cluster"), 7),
    Column("state", "STATE", 8, _state, by_text("state"), 2),
    Column("gpus", "GPUS IN USE", 24, _gpus, _gpus_order, 3, descending=True),
    Column("running", "RUN", 6, lambda s, q: plain(words.count(_running(s, q))), _running_order, 1, align="right"),
    Column("pending", "WAIT", 6, lambda s, q: plain(words.count(_pending(s, q))), _pending_order, 1, align="right"),
    Column("nodes", "NODES", 6, number("nodes_total"), by("nodes_total"), 4, align="right", descending=True),
    Column("out", "OUT OF SERVICE", 20, _out_of_service, _out_order, 6),
    Column("limit", "LIMIT", 6, _limit, by("max_time_seconds"), 8, align="right"),
    Column("why", "WHY THEY WAIT", 16, _why, lambda s, q: 0, 5, 4),
)
