"""What each plane says of a node, and where they contradict each other, as a section of its page."""

from __future__ import annotations

from crashcart.backends.model import Node
from crashcart.ops.planes import KUBERNETES, sides
from crashcart.tui import words
from crashcart.tui.cells import Span
from crashcart.tui.shown import Shown
from crashcart.tui.states import node_mark, verdict_mark

from .page import Page, columns

_SAID = {
    "agree": "they agree",
    "disagree": "they do not agree",
    "unknown": "one of them is not live: whether they agree is not known",
    "alone": "",
}


def finding_lines(page: Page, shown: Shown, node: Node, width: int) -> None:
    """Add what contradicts what, loudly; nothing where all agree."""
    for number, finding in enumerate(shown.joins.findings.of(node.key, shown.scene.now)):
        text = finding.text if finding.is_known else f"{finding.text} (as last seen: who said so is not live)"
        page.text("Disagreement" if number == 0 else "", f"≠ {text}", width, "crit" if finding.is_known else "stale")


def plane_lines(page: Page, shown: Shown, node: Node, width: int) -> None:
    """Add the section: who knows the node, as what, who holds it there and why; nothing for Slurm alone."""
    if not node.planes and node.source != KUBERNETES:
        return
    verdict = shown.joins.findings.verdict(node, shown.scene.now)
    page.heading("Planes", _SAID[verdict])
    if node.planes:
        glyph, role = verdict_mark(verdict)
        page.pair("Verdict", (f"{glyph} {verdict}", role))
    for side in sides(node):
        _side(page, shown, side, width)
    for number, condition in enumerate(node.conditions):
        page.text("Conditions" if number == 0 else "", f"▲ {condition}", width, "warn")
    if node.taints:
        page.text("Taints", "  ".join(node.taints), width, "muted")


def _side(page: Page, shown: Shown, side: Node, width: int) -> None:
    now = shown.scene.now
    freshness = shown.store.freshness(side.cluster, side.source, now)
    is_live = freshness == "live"
    glyph, role = node_mark(side)
    name = side.own_name or side.name
    page.spans(
        *columns(((side.source, 13, "strong" if is_live else "stale"), (name, 22, "text" if is_live else "stale"))),
        *columns(((f"{glyph} {side.word}", 11, role if is_live else "stale"),)),
        (gpus_in_words(side), "text" if is_live else "stale"),
        *(() if is_live else (_age(shown, side.cluster, side.source, now),)),
    )
    flags = [flag.lower() for flag in side.flags if flag not in ("DRAIN", "CORDON")]
    if flags:
        page.text("", f"flags: {', '.join(flags)}", width, "muted")
    if side.is_draining or side.is_down or side.reason:
        page.text("", _held(side, now), width, "text" if is_live else "stale")


def gpus_in_words(side: Node) -> str:
    """`4 of 8 GPUs in use`, with those that may be used where these are fewer."""
    said = f"{words.count(side.gpus_used)} of {words.count(side.gpus_total)} GPUs in use"
    if side.gpus_allocatable is None or side.gpus_allocatable == side.gpus_total:
        return said
    return f"{said}, only {side.gpus_allocatable} may be"


def _held(side: Node, now: float) -> str:
    who = f"by {side.reason_by}" if side.reason_by else "nobody knows by whom"
    when = "" if side.reason_at is None else f", {words.span(now - side.reason_at)} ago"
    return f"held {who}{when}: {side.reason or 'no reason given'}"


def _age(shown: Shown, cluster: str, source: str, now: float) -> Span:
    return f"   {doubt(shown, cluster, source, now)}", "warn"


def doubt(shown: Shown, cluster: str, source: str, now: float) -> str:
    """`kubernetes is down, last heard 3m ago`, "" while it is live."""
    freshness = shown.store.freshness(cluster, source, now)
    if freshness == "live":
        return ""
    state = shown.store.sources.get((cluster, source))
    last = None if state is None or state.last_success is None else now - state.last_success
    return f"{source} is {freshness}, last heard {words.age(last)} ago"
