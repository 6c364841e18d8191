"""Everything about one node: state and who put it there, GPUs with their jobs, jobs, alerts."""

from __future__ import annotations

from crashcart.backends.model import Job, Node
from crashcart.tui import words
from crashcart.tui.cells import Span
from crashcart.tui.columns.jobs import checkpoint, elapsed
from crashcart.tui.gpu_troubles import node_troubles
from crashcart.tui.places import Place
from crashcart.tui.selection import Selection
from crashcart.tui.shown import Shown
from crashcart.tui.states import job_mark, job_word, node_mark

from .alert_lines import alert_spans
from .gpu_lines import ROOM_FOR_TREND, Lately, gpu_header, gpu_line
from .machine_lines import machine_lines
from .page import Page, columns
from .plane_lines import finding_lines, plane_lines
from .pod_lines import pods_of_node


def node_page(shown: Shown, key: str, width: int) -> Page | None:
    """The page of a node, or None when the picture has no such node."""
    node = shown.store.nodes.get(key)
    if node is None:
        return None
    glyph, role = node_mark(node)
    page = Page(
        (("Node ", "muted"), (node.name, "title"), (f"  {glyph} {node.word}", role)),
        Selection("node", node.cluster, (node.name,)),
        node.name,
        watched=((node.cluster, shown.joins.gpus.host(key) or node.name),),
    )
    _state(page, shown, node, width)
    finding_lines(page, shown, node, width)
    _place(page, shown, node)
    plane_lines(page, shown, node, width)
    _gpus(page, shown, node, width)
    jobs = shown.joins.jobs_on_node(key)
    page.heading("Jobs on it", "" if jobs else "none")
    for job in jobs:
        page.link(job_spans(shown, job), Place("job", job.key), Selection("job", job.cluster, (job.id,)))
    pods_of_node(page, shown, node)
    alerts = shown.joins.alerts.of_node(key)
    page.heading("Alerts", "" if alerts else "none")
    for alert in alerts:
        page.link(alert_spans(shown, alert), Place("alert", alert.key))
    machine_lines(page, shown, *page.watched[0], width)
    return page


def _state(page: Page, shown: Shown, node: Node, width: int) -> None:
    now = shown.scene.now
    glyph, role = node_mark(node)
    said = " ".join((node.state, *node.flags))
    page.pair("State", (f"{glyph} {node.word}", role), (f"   {said}", "muted"))
    if node.reason:
        page.text("Reason", node.reason, width)
        who = node.reason_by or "nobody said who"
        when = "" if node.reason_at is None else f", {words.span(now - node.reason_at)} ago"
        page.pair("Set by", (who, "text"), (when, "muted"), (f"   {words.date_and_time(node.reason_at)}", "faint"))
    page.pair(
        "Known since",
        (f"{words.age(now - shown.store.when_true(node))} ago", "text"),
        (f"   from {node.source}", "muted"),
        (f", {shown.store.freshness(node.cluster, node.source, now)}", "muted"),
    )


def _place(page: Page, shown: Shown, node: Node) -> None:
    page.pair("Partitions", (", ".join(node.partitions) or words.UNKNOWN, "text"))
    page.pair(
        "Resources",
        (f"{words.share(node.gpus_used, node.gpus_total)} GPUs", "text"),
        (f" {node.gpu_type or ''}", "muted"),
        (f"   {words.share(node.cpus_used, node.cpus_total)} CPUs", "text"),
        (f"   {words.size(node.memory_free_bytes)} of {words.size(node.memory_total_bytes)} free", "text"),
        (f"   load {words.UNKNOWN if node.load is None else f'{node.load:.1f}'}", "text"),
    )
    place = [f"{name} {value}" for name, value in (("rack", node.rack), ("switch", node.switch)) if value]
    if node.address and node.address != node.name:
        place.append(f"address {node.address}")
    if place:
        page.pair("Place", ("   ".join(place), "text"))
    if node.boot_time is not None:
        page.pair(
            "Up for", (words.span(shown.scene.now - node.boot_time), "text"), (f"   {node.version or ''}", "faint")
        )


def _gpus(page: Page, shown: Shown, node: Node, width: int) -> None:
    host, table = shown.joins.gpus.host(node.key), shown.store.gpus.get(node.cluster)
    gpus = max(node.gpus_total or 0, table.counts[host] if table and host else 0)
    if not gpus:
        return
    when = shown.joins.gpus.sampled_at(node.key)
    age = words.age(None if when is None else shown.scene.now - when)
    source = shown.joins.gpus.source(node.key)
    known = source is not None
    page.heading("GPUs", f"{age} old, from {source}" if known else "no telemetry: allocation only")
    for text, role in node_troubles(shown, node.key, gpus) if known else ():
        page.note(text, role)
    lately = Lately(shown, node.key, gpus) if width >= ROOM_FOR_TREND else None
    page.note(gpu_header(lately), "faint")
    for gpu in range(gpus):
        job = shown.joins.job_on_gpu(node.cluster, node.name, gpu)
        selection = Selection("job", job.cluster, (job.id,)) if job else None
        page.link(gpu_line(shown, node, gpu, lately), Place("gpu", f"{node.key}/{gpu}"), selection)


def job_spans(shown: Shown, job: Job) -> tuple[Span, ...]:
    """A job in one line."""
    glyph, role = job_mark(job)
    scene, state = shown.scene, (f"{glyph} {job_word(job)}", 11, role)
    named = ((job.id, 9, "strong"), state, (job.name, 24, "text"))
    return (
        *columns(named if job.workload is None else ((job.id, 35, "strong"), state)),
        *columns(((job.user, 10, "muted"), (words.counted(job.gpus, "GPU"), 8, "text"))),
        *columns(((elapsed(scene, job)[0][0], -5, "text"), ("ckpt " + checkpoint(scene, job)[0][0], 10, "muted"))),
    )  # fmt: skip
