"""A scrape target that fails: what is not measured now, why, and since when."""

from __future__ import annotations

from crashcart.tui import subjects, words
from crashcart.tui.columns.targets import error, node_name
from crashcart.tui.places import Place
from crashcart.tui.shown import Shown
from crashcart.tui.states import node_mark

from .page import Page, columns


def target_page(shown: Shown, key: str, width: int) -> Page | None:
    """The page of a failing target; None when it answers again or is gone."""
    target = shown.store.targets.get(key)
    if target is None:
        return None
    now = shown.scene.now
    page = Page(
        (("Target ", "muted"), (f"{target.job} {target.instance}", "title"), ("  ✕ fails", "crit")),
        None,
        target.instance,
        others=tuple(subjects.of_targets(shown.scene, [target])),
    )
    page.text("Error", error(target), width, "crit" if target.error else "muted")
    page.pair(
        "Silent for",
        (words.span(now - target.since), "warn"),
        (f"   since {words.date_and_time(target.since)}", "muted"),
    )
    page.pair("Read every", (words.span(target.interval_seconds), "text"))
    page.pair("Known", (f"from {target.source}, {shown.store.freshness(target.cluster, target.source, now)}", "muted"))
    page.note("What it measures keeps its last values, which grow old; nothing of it is zero.")
    name = node_name(shown.scene, target)
    node = shown.store.nodes.get(f"{target.cluster}/{name}")
    page.heading("Machine", "" if node else f"{name or 'no label names one'}: no scheduler knows it")
    if node is not None:
        glyph, role = node_mark(node)
        parts = ((node.name, 16, "strong"), (f"{glyph} {node.word}", 11, role), (node.reason or "", 40, "text"))
        page.link(columns(parts), Place("node", node.key), page.others[0])
    return page
