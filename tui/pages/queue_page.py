"""A queue in detail: how full, what waits and why."""

from __future__ import annotations

from crashcart.backends.model import Queue
from crashcart.ops.joins import QueueCounts
from crashcart.ops.planes import KUBERNETES
from crashcart.tui import words
from crashcart.tui.columns.queues import bar
from crashcart.tui.places import Place
from crashcart.tui.selection import Selection
from crashcart.tui.shown import Shown
from crashcart.tui.states import queue_mark

from .node_page import job_spans
from .page import Page

LISTED = 100
_MEANING = {
    "DRAIN": "held: what runs goes on, nothing new is admitted",
    "DOWN": "held and drained: what runs is stopped too",
    "INACTIVE": "not active: it admits nothing",
}
"""Of queues of Kubernetes."""


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
    held = f"{counts.running:,} running   {counts.pending:,} waiting" if counts.knows_jobs else "not told here"
    page.pair("Jobs", (held, "text"))
    if queue.source == KUBERNETES:
        _kind(page, queue)
    else:
        _partition(page, queue, counts, width)
    if not counts.knows_jobs:
        return page
    page.heading("Why jobs wait", "" if counts.reasons else "nothing waits")
    for reason, number in counts.reasons.most_common(12):
        page.note(f"{number:>6,}  {reason}", "text")
    jobs = [
        job
        for job in shown.store.jobs.values()
        if (job.cluster, job.source, job.partition) == (queue.cluster, queue.source, queue.name) and job.is_running
    ]
    page.heading("Largest running jobs", "" if jobs else "none")
    for job in sorted(jobs, key=lambda job: -(job.gpus or 0))[:LISTED]:
        page.link(job_spans(shown, job), Place("job", job.key), Selection("job", job.cluster, (job.id,)))
    return page


def _partition(page: Page, queue: Queue, counts: QueueCounts, width: int) -> None:
    page.pair(
        "Limit", (words.span(queue.max_time_seconds), "text"), (f"   priority {words.count(queue.priority)}", "muted")
    )
    page.text("Nodes", queue.node_list or words.UNKNOWN, width)
    page.heading("Nodes by state")
    for word, number in counts.nodes.most_common():
        page.note(f"{number:>6,}  {word}", "text")


def _kind(page: Page, queue: Queue) -> None:
    """What a queue of Kubernetes is, by its name, and what its state means."""
    place, _, name = queue.name.partition("/")
    if place == "clusterqueue":
        page.pair(
            "Kind", ("ClusterQueue of Kueue", "text"), ("   its jobs wait in LocalQueues that lead here", "muted")
        )
    elif place == "volcano":
        page.pair("Kind", ("queue of Volcano", "text"), (f"   priority {words.count(queue.priority)}", "muted"))
    else:
        page.pair("Kind", ("LocalQueue of Kueue", "text"), (f"   {name} in the namespace {place}", "muted"))
    quota = words.count(queue.gpus_total)
    page.pair("Quota", (f"{quota} GPUs" if queue.gpus_total is not None else "not told here", "text"))
    meaning = _MEANING.get(queue.state)
    if meaning:
        page.pair("State", (queue.state.lower(), "warn"), (f"   {meaning}", "text"))
