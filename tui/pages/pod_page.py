"""Everything about one pod: where it is, whose it is, its GPUs, what protects it, what was said of it."""

from __future__ import annotations

from crashcart.backends.pods import Pod
from crashcart.tui import subjects, words
from crashcart.tui.cells import Span
from crashcart.tui.columns.pods import full_name
from crashcart.tui.places import Place
from crashcart.tui.selection import Selection
from crashcart.tui.shown import Shown
from crashcart.tui.states import node_mark, pod_mark

from .node_page import job_spans
from .page import Page, columns
from .pod_lines import budget_spans, list_events


def pod_page(shown: Shown, key: str, width: int) -> Page | None:
    """The page of a pod, or None when the picture has no such pod."""
    pod = shown.store.pods.get(key)
    if pod is None:
        return None
    glyph, role = pod_mark(pod)
    title: tuple[Span, ...] = (
        ("Pod ", "muted"), (full_name(pod), "title"), (f"  {glyph} {pod.phase.lower()}", role),
    )  # fmt: skip
    page = Page(title, None, full_name(pod), others=tuple(subjects.of_pods(shown.scene, [pod])))
    _state(page, shown, pod, width)
    _gpus(page, pod)
    _made_of(page, pod, width)
    _links(page, shown, pod)
    _budgets(page, shown, pod)
    list_events(page, shown, shown.joins.pods.events_of_pod(pod), pod.cluster)
    return page


def _state(page: Page, shown: Shown, pod: Pod, width: int) -> None:
    now = shown.scene.now
    glyph, role = pod_mark(pod)
    page.pair("State", (f"{glyph} {pod.phase.lower()}", role))
    if pod.reason:
        page.text("Why", pod.reason, width, "warn" if pod.phase != "PENDING" else "text")
    if pod.message and pod.message != pod.reason:
        page.text("Message", pod.message, width, "muted")
    for label, when in (("Made", pod.created), ("Started", pod.started), ("Terminating", pod.deleted)):
        if when is not None:
            page.pair(label, (f"{words.span(now - when)} ago", "text"), (f"   {words.date_and_time(when)}", "faint"))
    page.pair(
        "Restarts",
        (words.count(pod.restarts), "warn" if pod.restarts else "text"),
        (f"   priority {words.count(pod.priority)}", "muted"),
    )
    freshness = shown.store.freshness(pod.cluster, pod.source, now)
    page.pair(
        "Known",
        (f"{words.age(now - shown.store.when_true(pod))} ago", "text"),
        (f"   from {pod.source}, {freshness}", "muted" if freshness == "live" else "warn"),
    )


def _gpus(page: Page, pod: Pod) -> None:
    if not pod.gpus:
        page.pair("GPUs", ("none", "muted"))
        return
    which = "which ones is not known" if pod.gpu_indexes is None else f"index {','.join(map(str, pod.gpu_indexes))}"
    page.pair("GPUs", (words.count(pod.gpus), "text"), (f"   {which}", "muted"), (f"   {_known_by(pod)}", "faint"))


def _known_by(pod: Pod) -> str:
    return f"known by: {pod.gpus_known_by}" if pod.gpus_known_by else ""


def _made_of(page: Page, pod: Pod, width: int) -> None:
    if pod.owner is None and not pod.is_mirror:
        page.pair("Owner", ("none: a bare pod, nothing makes it again", "warn"))
    else:
        page.pair("Owner", (pod.owner or "the kubelet: a static pod", "text"))
    stays = "a drain leaves it" if pod.is_daemon or pod.is_mirror else "a drain would move it"
    page.pair("Drain", (stays, "muted"), ("   its emptyDir data are lost" if pod.has_local_data else "", "warn"))
    page.text("Containers", ", ".join(pod.containers) or words.UNKNOWN, width)
    if pod.labels is None:
        page.pair("Labels", (words.UNKNOWN, "faint"))
    elif pod.labels:
        page.text("Labels", "  ".join(pod.labels), width, "muted")


def _links(page: Page, shown: Shown, pod: Pod) -> None:
    job, node = shown.joins.pods.job(pod), shown.joins.pods.node(pod)
    page.heading("Where and whose")
    if node is None:
        said = f"{pod.node}: not in the picture" if pod.node else "not placed on any node"
        page.pair("Node", (said, "muted"))
    else:
        glyph, role = node_mark(node)
        parts = ((node.name, 16, "strong"), (f"{glyph} {node.word}", 11, role))
        page.link(
            (("Node         ", "muted"), *columns(parts), (node.reason or "", "text")),
            Place("node", node.key),
            Selection("node", node.cluster, (node.name,)),
        )
    if job is None:
        said = f"{pod.job}: not in the picture" if pod.job else "no job with GPUs"
        page.pair("Job", (said, "muted"))
    else:
        selection = Selection("job", job.cluster, (job.id,))
        page.link((("Job          ", "muted"), *job_spans(shown, job)), Place("job", job.key), selection)


def _budgets(page: Page, shown: Shown, pod: Pod) -> None:
    guards = shown.joins.pods.guards(pod)
    sure = [guard for guard in guards if guard.is_sure]
    note = "none protects it"
    if guards and not sure:
        note = "not known: the labels of the pod are not; these are of its namespace"
    elif len(sure) > 1:
        note = f"{len(sure)} protect it: the API refuses every eviction while that is so"
    elif sure:
        note = "protected by"
    page.heading("Disruption budgets", note)
    for guard in sure or guards:
        page.link(budget_spans(guard.budget), Place("budget", guard.budget.key))
