"""Pods, budgets and events in one line each, and as sections of the pages of nodes, jobs and pods."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from crashcart.backends.model import Node
from crashcart.backends.pods import Budget, Event, Pod
from crashcart.ops.planes import KUBERNETES, sides
from crashcart.ops.pod_joins import Block, is_over
from crashcart.tui import words
from crashcart.tui.cells import Span
from crashcart.tui.columns.budgets import allows, numbers
from crashcart.tui.columns.budgets import full_name as budget_name
from crashcart.tui.columns.events import times
from crashcart.tui.columns.pods import age, full_name, why
from crashcart.tui.places import Place
from crashcart.tui.selection import Selection
from crashcart.tui.shown import Shown
from crashcart.tui.states import budget_mark, pod_mark

from .page import Page, columns
from .plane_lines import doubt

LISTED = 24
EVENTS_LISTED = 12
NAMED = 3
GROUPED = 8


def pod_spans(shown: Shown, pod: Pod, *, with_node: bool) -> tuple[Span, ...]:
    """A pod in one line; `with_node` says where it is, else whose it is."""
    glyph, role = pod_mark(pod)
    held = f"{words.plural(pod.gpus, 'GPU')}{_indexes(pod)}" if pod.gpus else ""
    restarts = f"↻{pod.restarts}" if pod.restarts else ""
    parts = (
        (full_name(pod), 30, "strong"),
        (f"{glyph} {pod.phase.lower()}", 13, role),
        (pod.node or "nowhere" if with_node else pod.job or pod.owner or "bare pod", 18, "muted"),
        (held, 12, "text"),
        (restarts, 4, "warn"),
        (age(shown.scene, pod)[0][0], -5, "muted"),
    )
    return (*columns(parts), (_kind(pod), "faint"), (why(pod), "warn" if role == "crit" else "text"))


def _indexes(pod: Pod) -> str:
    return "" if pod.gpu_indexes is None else f" {','.join(map(str, pod.gpu_indexes))}"


def _kind(pod: Pod) -> str:
    return "DaemonSet  " if pod.is_daemon else "static pod  " if pod.is_mirror else ""


def list_pods(page: Page, shown: Shown, pods: Sequence[Pod], *, with_node: bool, most: int = LISTED) -> None:
    """Add a line for each pod, and where the others are."""
    for pod in pods[:most]:
        job = shown.joins.pods.job(pod)
        selection = Selection("job", job.cluster, (job.id,)) if job is not None else None
        page.link(pod_spans(shown, pod, with_node=with_node), Place("pod", pod.key), selection)
    if len(pods) > most:
        page.link(((f"and {len(pods) - most:,} more, among all pods", "accent"),), Place("pods"))


def pods_of_node(page: Page, shown: Shown, node: Node) -> None:
    """Add what runs on a node of Kubernetes, what would stop its drain, and what was said; nothing for others."""
    if not any(side.source == KUBERNETES for side in sides(node)):
        return
    pods = shown.joins.pods.of_node(node.key)
    page.heading("Pods", _how_many(shown, node.cluster, pods))
    list_pods(page, shown, pods, with_node=False)
    blocks_of_node(page, shown, node)
    list_events(page, shown, shown.joins.pods.events_of_node(node), node.cluster)


def _how_many(shown: Shown, cluster: str, pods: Sequence[Pod]) -> str:
    if (cluster, "pod") not in shown.store.listed:
        return "not known: nobody lists them"
    with_gpus = sum(bool(pod.gpus) and not is_over(pod) for pod in pods)
    said = f"{with_gpus:,} with GPUs, {len(pods) - with_gpus:,} others" if pods else "none with GPUs or to be moved"
    late = doubt(shown, cluster, KUBERNETES, shown.scene.now)
    return f"{said}; {late}" if late else said


def blocks_of_node(page: Page, shown: Shown, node: Node) -> None:
    """Add the budgets that would stop a drain now."""
    blocks = shown.joins.pods.blocks(node.key)
    if not blocks:
        return
    page.heading("Would stop a drain", words.plural(len(blocks), "budget"))
    for block in blocks:
        page.link(_block_spans(block), Place("budget", block.budget.key))


def _block_spans(block: Block) -> tuple[Span, ...]:
    names = ", ".join(pod.name for pod in block.pods[:NAMED])
    more = f" and {len(block.pods) - NAMED:,} more" if len(block.pods) > NAMED else ""
    keeps = "keeps" if block.is_sure else "may keep"
    return (*budget_spans(block.budget), (f"   {keeps} {names}{more}", "text" if block.is_sure else "unknown"))


def budget_spans(budget: Budget) -> tuple[Span, ...]:
    """A budget in one line."""
    glyph, role = budget_mark(budget)
    return (
        *columns(((f"{glyph} {budget_name(budget)}", 30, role), (allows(budget), 14, role))),
        (numbers(budget), "text"),
    )


def list_events(page: Page, shown: Shown, events: Sequence[Event], cluster: str) -> None:
    """Add the section of warnings; nothing where none is known and everybody answers."""
    late = doubt(shown, cluster, KUBERNETES, shown.scene.now)
    if not events and not late:
        return
    page.heading("Events", late or "warnings of the last hour")
    for event in events[:EVENTS_LISTED]:
        page.link(event_spans(shown, event), Place("event", event.key))
    if len(events) > EVENTS_LISTED:
        page.link(((f"and {len(events) - EVENTS_LISTED:,} more, among all events", "accent"),), Place("events"))


def event_spans(shown: Shown, event: Event) -> tuple[Span, ...]:
    """An event in one line."""
    seen = words.age(shown.scene.now - event.last_seen)
    about = event.about.rpartition("/")[2]
    parts = ((seen, -5, "muted"), (times(event), 5, "muted"), (event.reason, 20, "warn"), (about, 20, "strong"))
    return (*columns(parts), (event.message, "text"))


def waiting(page: Page, pods: Sequence[Pod]) -> None:
    """Add why pods wait, each reason once with how many."""
    reasons = Counter(pod.reason or "nobody says why" for pod in pods if pod.phase == "PENDING")
    if not reasons:
        return
    page.heading("Why pods wait", words.plural(sum(reasons.values()), "pod"))
    for reason, number in reasons.most_common(GROUPED):
        page.note(f"{number:>6,}  {reason}", "text")
