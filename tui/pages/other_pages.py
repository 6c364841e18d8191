"""Queues, alerts and GPUs in detail."""

from __future__ import annotations

from crashcart.ops.store import Store
from crashcart.tui import words
from crashcart.tui.columns.alerts import alert_job, summary
from crashcart.tui.columns.queues import bar
from crashcart.tui.heat_metrics import METRICS, throttle_role, xid_role
from crashcart.tui.places import Place
from crashcart.tui.selection import Selection
from crashcart.tui.shown import Shown
from crashcart.tui.states import alert_mark, node_mark, queue_mark

from .gpu_lines import host_of, reading
from .node_page import job_spans
from .page import Page, columns

LISTED = 100


def queue_page(shown: Shown, key: str, width: int) -> Page | None:
    """The page of a queue."""
    queue = shown.store.queues.get(key)
    if queue is None:
        return None
    glyph, role = queue_mark(queue)
    page = Page(
        (("Queue ", "muted"), (queue.name, "title"), (f"  {glyph} {queue.state.lower()}", role)), None, queue.name
    )
    counts = shown.joins.queue_counts(queue)
    page.pair(
        "GPUs",
        *bar(counts.gpus_used, counts.gpus_total, 30),
        (f"  {words.share(counts.gpus_used, counts.gpus_total)} in use", "text"),
    )
    page.pair("Jobs", (f"{counts.running:,} running   {counts.pending:,} waiting", "text"))
    page.pair(
        "Limit", (words.span(queue.max_time_seconds), "text"), (f"   priority {words.count(queue.priority)}", "muted")
    )
    page.text("Nodes", queue.node_list or words.UNKNOWN, width)
    page.heading("Nodes by state")
    for word, number in counts.nodes.most_common():
        page.note(f"{number:>6,}  {word}", "text")
    page.heading("Why jobs wait", "" if counts.reasons else "nothing waits")
    for reason, number in counts.reasons.most_common(12):
        page.note(f"{number:>6,}  {reason}", "text")
    jobs = [
        job
        for job in shown.store.jobs.values()
        if job.cluster == queue.cluster and job.partition == queue.name and job.is_running
    ]
    page.heading("Largest running jobs", "" if jobs else "none")
    for job in sorted(jobs, key=lambda job: -(job.gpus or 0))[:LISTED]:
        page.link(job_spans(shown, job), Place("job", job.key), Selection("job", job.cluster, (job.id,)))
    return page


def alert_page(shown: Shown, key: str, width: int) -> Page | None:
    """The page of an alert."""
    alert = shown.store.alerts.get(key)
    if alert is None:
        return None
    glyph, role = alert_mark(alert)
    node = shown.joins.alert_node(alert)
    subject = Selection("node", node.cluster, (node.name,)) if node else None
    page = Page(
        (("Alert ", "muted"), (alert.name, "title"), (f"  {glyph} {alert.severity}", role)), subject, alert.name
    )
    page.text("Summary", summary(alert) or words.UNKNOWN, width)
    page.pair("State", (alert.state, "text"), (f"   for {words.span(shown.scene.now - alert.since)}", "muted"))
    if alert.silenced_by:
        page.text("Silenced by", ", ".join(alert.silenced_by), width)
    if node is not None:
        word_glyph, word_role = node_mark(node)
        page.heading("About")
        page.link(
            columns(
                (
                    (node.name, 16, "strong"),
                    (f"{word_glyph} {node.word}", 11, word_role),
                    (node.reason or "", 40, "text"),
                )
            ),
            Place("node", node.key),
            subject,
        )
        for job in shown.joins.jobs_on_node(node.key):
            page.link(job_spans(shown, job), Place("job", job.key), Selection("job", job.cluster, (job.id,)))
    named = alert_job(shown.scene, alert)
    if node is None and named is not None:
        page.subject = Selection("job", named.cluster, (named.id,))
        page.heading("About")
        page.link(job_spans(shown, named), Place("job", named.key), page.subject)
    page.heading("Labels")
    for name, value in alert.labels:
        page.text(name, value, width)
    page.heading("Annotations")
    for name, value in alert.annotations:
        page.text(name, value, width)
    return page


def gpu_page(shown: Shown, key: str, width: int) -> Page | None:
    """The page of one GPU; `key` is the node's key, `/` and the index."""
    node_key, _, index = key.rpartition("/")
    node = shown.store.nodes.get(node_key)
    if node is None or not index.isdigit():
        return None
    gpu = int(index)
    glyph, role = node_mark(node)
    page = Page(
        (("GPU ", "muted"), (f"{node.name} gpu {gpu}", "title"), (f"  {glyph} {node.word}", role)),
        Selection("node", node.cluster, (node.name,)),
        node.name,
    )
    page.link(
        (
            ("Node         ", "muted"),
            (node.name, "strong"),
            (f"  {glyph} {node.word}", role),
            (f"  {node.reason or ''}", "text"),
        ),
        Place("node", node_key),
        page.subject,
    )
    owner = shown.joins.owner_of_gpu(node.cluster, node.name, gpu)
    if owner is None:
        page.pair("Job", ("none", "muted"))
    else:
        job = owner.job
        page.link(
            (("Job          ", "muted"), *job_spans(shown, job)),
            Place("job", job.key),
            Selection("job", job.cluster, (job.id,)),
        )
        page.pair("", (f"known by: {owner.source}", "faint"))
    page.heading("Readings", _age(shown, node_key, gpu))
    for metric in METRICS[1:]:
        value = reading(shown, node, metric.column or "", gpu)
        text = words.UNKNOWN if value is None else metric.text(value)
        page.pair(metric.title, (text, _role(metric.id, value)))
    total = reading(shown, node, "memory_total_bytes", gpu)
    page.pair("Memory total", (words.size(total), "text"))
    page.pair("Clock", (f"{words.count(reading(shown, node, 'sm_clock_mhz', gpu))} MHz", "text"))
    ecc = reading(shown, node, "ecc_uncorrected", gpu)
    page.pair("ECC errors", (f"{words.count(ecc)} uncorrected", "crit" if ecc else "text"))
    return page


def _role(metric: str, value: float | None) -> str:
    if value is None:
        return "faint"
    if metric == "xid":
        return "text" if value == 0 else xid_role(value)
    if metric == "throttle":
        role = throttle_role(value)
        return "text" if role == "ok" else f"{role}"
    return "text"


def _age(shown: Shown, node_key: str, gpu: int) -> str:
    store: Store = shown.store
    node = store.nodes[node_key]
    table = store.gpus.get(node.cluster)
    host = host_of(shown, node)
    when = None if table is None or host is None else table.sample_time("util_percent", host, gpu)
    if table is None or when is None:
        return "no telemetry"
    return f"{words.age(shown.scene.now - when)} old, from {table.rows.source}"
