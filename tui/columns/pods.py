"""The list of pods."""

from __future__ import annotations

from crashcart.backends.pods import Pod
from crashcart.ops.fields import Scene
from crashcart.tui import words
from crashcart.tui.natural import natural
from crashcart.tui.states import budget_mark, pod_mark

from .column import Cell, Column, by, by_name, by_text, field, last, plain

_STATE_ORDER = ("FAILED", "TERMINATING", "PENDING", "UNKNOWN", "RUNNING", "SUCCEEDED")


def full_name(pod: Pod) -> str:
    """`NAMESPACE/NAME`."""
    return f"{pod.namespace}/{pod.name}"


def state(scene: Scene, pod: Pod) -> Cell:
    """Glyph and word."""
    glyph, role = pod_mark(pod)
    return ((f"{glyph} {pod.phase.lower()}", role),)


def gpus(pod: Pod) -> str:
    """`4`, with its indexes where they are known: `2: 0,1`."""
    if not pod.gpus:
        return "·"
    return str(pod.gpus) if pod.gpu_indexes is None else f"{pod.gpus}: {','.join(map(str, pod.gpu_indexes))}"


def age(scene: Scene, pod: Pod) -> Cell:
    """How long it runs; how long it is terminating, or waits, where it does."""
    if pod.deleted is not None:
        return plain(words.age(scene.now - pod.deleted), "warn")
    since = pod.started if pod.phase == "RUNNING" and pod.started is not None else pod.created
    return plain(words.age(None if since is None else scene.now - since), "text" if pod.phase == "RUNNING" else "muted")


def why(pod: Pod) -> str:
    """Why it waits, fails or goes."""
    return pod.reason or pod.message or ""


def guard(scene: Scene, pod: Pod) -> Cell:
    """The budget that protects it, the strictest where there are several; `?` where one may."""
    guards = scene.joins.pods.guards(pod)
    if not guards:
        return plain("·", "faint")
    first = guards[0]
    if not first.is_sure:
        return plain("?", "unknown")
    glyph, role = budget_mark(first.budget)
    return plain(f"{glyph} {first.budget.name}", role)


def _gpu_order(scene: Scene, pod: Pod) -> int:
    return pod.gpus


def _restarts(scene: Scene, pod: Pod) -> Cell:
    if pod.restarts is None:
        return plain(words.UNKNOWN, "faint")
    return plain(str(pod.restarts) if pod.restarts else "·", "warn" if pod.restarts else "faint")


def _rank(pod: Pod) -> int:
    return _STATE_ORDER.index(pod.phase) if pod.phase in _STATE_ORDER else len(_STATE_ORDER)


def _budget_order(scene: Scene, pod: Pod) -> tuple[bool, str]:
    guards = scene.joins.pods.guards(pod)
    return last(guards[0].budget.name if guards else None)


COLUMNS: tuple[Column[Pod], ...] = (
    Column("name", "POD", 18, lambda s, p: plain(full_name(p), "strong"), lambda s, p: natural(full_name(p)), 0, 4,
           most=48),
    Column("cluster", "CLUSTER", 8, field("cluster", "muted"), by_text("cluster"), 9),
    Column("state", "STATE", 13, state, lambda s, p: _rank(p), 1),
    Column("node", "NODE", 10, field("node"), by_name("node"), 2, 1, most=20),
    Column("gpus", "GPUS", 6, lambda s, p: plain(gpus(p)), _gpu_order, 3, 1, most=18, descending=True),
    Column("job", "JOB", 12, field("job", "muted"), by_text("job"), 6, 3, most=40),
    Column("restarts", "↻", 2, _restarts, by("restarts"), 7, align="right", descending=True),
    Column("age", "AGE", 6, age, by("created"), 5, align="right"),
    Column("budget", "BUDGET", 10, guard, _budget_order, 8, 1, most=24),
    Column("why", "WHY", 14, lambda s, p: plain(why(p)), lambda s, p: (not why(p), why(p)), 4, 5),
)  # fmt: skip
