"""A queue in detail: how full, what waits and why."""

from __future__ import annotations

from crashcart.tui import words
from crashcart.tui.columns.queues import bar
from crashcart.tui.places import Place
from crashcart.tui.selection import Selection
from crashcart.tui.shown import Shown
from crashcart.tui.states import queue_mark

from .node_page import job_spans
from .page import Page

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
