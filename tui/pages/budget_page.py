"""A disruption budget: how many of its pods may go now, and which these are."""

from __future__ import annotations

from crashcart.tui import subjects, words
from crashcart.tui.columns.budgets import allows, full_name, nodes
from crashcart.tui.shown import Shown
from crashcart.tui.states import budget_mark

from .page import Page
from .pod_lines import list_pods

LISTED = 200


def budget_page(shown: Shown, key: str, width: int) -> Page | None:
    """The page of a budget, or None when the picture has no such budget."""
    budget = shown.store.budgets.get(key)
    if budget is None:
        return None
    glyph, role = budget_mark(budget)
    pods = shown.joins.pods.guarded(budget)
    page = Page(
        (("Budget ", "muted"), (full_name(budget), "title"), (f"  {glyph} {allows(budget)}", role)),
        None,
        full_name(budget),
        others=tuple(subjects.of_pods(shown.scene, pods)),
    )
    now = shown.scene.now
    page.pair("Allows", (allows(budget), role), ("   to be evicted now", "muted"))
    page.pair("Healthy", (f"{words.count(budget.healthy)} of {words.count(budget.expected)}", "text"))
    page.pair("Needs", (words.count(budget.desired), "text"), ("   healthy pods at all times", "muted"))
    page.text("Selects", budget.selector or words.UNKNOWN, width)
    if pods:
        page.text("On nodes", nodes(shown.scene, budget) or words.UNKNOWN, width)
    freshness = shown.store.freshness(budget.cluster, budget.source, now)
    page.pair(
        "Known",
        (f"{words.age(now - shown.store.when_true(budget))} ago", "text"),
        (f"   from {budget.source}, {freshness}", "muted" if freshness == "live" else "warn"),
    )
    page.heading("Pods", f"{words.plural(len(pods), 'pod')} of those in the picture" if pods else "none in the picture")
    list_pods(page, shown, pods, with_node=True, most=LISTED)
    return page
