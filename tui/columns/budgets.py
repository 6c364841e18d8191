"""The list of disruption budgets: what may stop a drain."""

from __future__ import annotations

from crashcart.backends.pods import Budget
from crashcart.ops.fields import Scene
from crashcart.ops.targets import fold
from crashcart.tui import words
from crashcart.tui.natural import natural
from crashcart.tui.states import budget_mark

from .column import Cell, Column, by, by_text, field, last, plain


def full_name(budget: Budget) -> str:
    """`NAMESPACE/NAME`."""
    return f"{budget.namespace}/{budget.name}"


def allows(budget: Budget) -> str:
    """How many of its pods may go now, in words."""
    if budget.allowed is None:
        return "not known"
    return f"{words.plural(budget.allowed, 'pod')} may go" if budget.allowed else "none may go"


def numbers(budget: Budget) -> str:
    """`63 of 64 healthy, needs 63`."""
    return (
        f"{words.count(budget.healthy)} of {words.count(budget.expected)} healthy, needs {words.count(budget.desired)}"
    )


def state(scene: Scene, budget: Budget) -> Cell:
    """Glyph and words."""
    glyph, role = budget_mark(budget)
    return plain(f"{glyph} {allows(budget)}", role)


def nodes(scene: Scene, budget: Budget) -> str:
    """The nodes that its pods are on, folded."""
    names = {pod.node for pod in scene.joins.pods.guarded(budget) if pod.node is not None}
    return fold(names) if names else ""


def _pods(scene: Scene, budget: Budget) -> int:
    return len(scene.joins.pods.guarded(budget))


COLUMNS: tuple[Column[Budget], ...] = (
    Column("name", "BUDGET", 18, lambda s, b: plain(full_name(b), "strong"), lambda s, b: natural(full_name(b)), 0, 2,
           most=40),
    Column("cluster", "CLUSTER", 8, field("cluster", "muted"), by_text("cluster"), 6),
    Column("state", "ALLOWS", 14, state, lambda s, b: last(b.allowed), 1),
    Column("numbers", "PODS", 26, lambda s, b: plain(numbers(b)), by("healthy"), 2),
    Column("here", "SEEN", 4, lambda s, b: plain(words.count(_pods(s, b)), "muted"), _pods, 5, align="right",
           descending=True),
    Column("selector", "SELECTS", 14, field("selector", "muted"), by_text("selector"), 4, 2, most=40),
    Column("nodes", "ON NODES", 14, lambda s, b: plain(nodes(s, b), "muted"), nodes, 3, 3),
)  # fmt: skip
