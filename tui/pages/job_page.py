"""Everything about one job: why it waits, where it runs, what would be lost."""

from __future__ import annotations

from crashcart.backends.model import Job, Node
from crashcart.ops.pod_joins import is_over
from crashcart.tui import words
from crashcart.tui.cells import Span
from crashcart.tui.columns.jobs import CHECKPOINT_OLD_SECONDS
from crashcart.tui.places import Place
from crashcart.tui.selection import Selection
from crashcart.tui.shown import Shown
from crashcart.tui.states import is_faulty, job_mark, job_word, node_mark

from .alert_lines import alerts_of_job
from .job_gpus import job_gpus, watched_hosts
from .page import Page, columns
from .pod_lines import list_events, list_pods, waiting

NODES_LISTED = 200

PENDING_WORDS = {
    "Resources": "waits for enough free nodes",
    "Priority": "other jobs come first",
    "Dependency": "waits for another job",
    "JobHeldUser": "held by its owner",
    "JobHeldAdmin": "held by an administrator",
    "BeginTime": "its start time has not come",
    "QOSMaxGRESPerUser": "its owner has as many GPUs as the QOS allows",
    "AssocGrpGRES": "the account has as many GPUs as it may",
    "ReqNodeNotAvail": "a node it asks for is not available",
    "PartitionDown": "the partition is down",
    "BadConstraints": "no node can ever satisfy it",
    "Licenses": "waits for a licence",
    "launch failed requeued held": "its start failed; an operator must release it",
}
"""Slurm's pending reasons that people ask about most, from squeue(1)."""


def job_page(shown: Shown, key: str, width: int) -> Page | None:
    """The page of a job, or None when the picture has no such job."""
    job = shown.store.jobs.get(key)
    if job is None:
        return None
    glyph, role = job_mark(job)
    page = Page(
        (("Job ", "muted"), (job.id, "title"), (f"  {job.name}", "strong"), (f"  {glyph} {job_word(job)}", role)),
        Selection("job", job.cluster, (job.id,)),
        job.id,
        watched=watched_hosts(shown, job),
    )
    _state(page, shown, job, width)
    _owner(page, job)
    _time(page, shown, job)
    _risk(page, shown, job)
    _files(page, job, width)
    job_gpus(page, shown, job)
    _pods(page, shown, job)
    alerts_of_job(page, shown, job)
    _nodes(page, shown, job)
    return page


def _state(page: Page, shown: Shown, job: Job, width: int) -> None:
    glyph, role = job_mark(job)
    page.pair("State", (f"{glyph} {job_word(job)}", role), (f"   {job.state}", "muted"))
    if job.workload is not None:
        manager = f"   managed by {job.managed_by}: it decides when this runs" if job.managed_by else ""
        page.pair("Workload", (job.workload, "text"), (manager, "accent"))
    if job.reason and job.workload is not None:
        page.text("Why", job.reason, width, "text" if job.state == "PENDING" else "warn")
    elif job.reason and job.reason != "None":
        meaning = PENDING_WORDS.get(job.reason, "")
        page.pair("Why", (job.reason, "warn" if job_word(job) == "held" else "text"), (f"   {meaning}", "muted"))
    if job.comment:
        page.text("Comment", job.comment, width)
    now = shown.scene.now
    page.pair(
        "Known since",
        (f"{words.age(now - shown.store.when_true(job))} ago", "text"),
        (f"   from {job.source}, {shown.store.freshness(job.cluster, job.source, now)}", "muted"),
    )


def _owner(page: Page, job: Job) -> None:
    place = "account" if job.workload is None else "namespace"
    page.pair("User", (job.user, "text"), (f"   {place} {job.account or words.UNKNOWN}", "muted"))
    page.pair(
        "Queue",
        (job.partition or words.UNKNOWN, "text"),
        (f"   QOS {job.qos or words.UNKNOWN}", "muted"),
        (f"   priority {words.count(job.priority)}", "muted"),
    )
    asks = f"{words.counted(job.gpus, 'GPU')} on {words.counted(job.node_count, 'node')}"
    tasks = f"   {job.array}: {job.array_tasks:,} tasks" if job.array else ""
    page.pair("Size", (asks, "text"), (tasks, "muted"))


def _time(page: Page, shown: Shown, job: Job) -> None:
    now = shown.scene.now
    ran = job.elapsed_seconds(now)
    if ran is None:
        waits = None if job.submit_time is None else now - job.submit_time
        page.pair(
            "Waits for", (words.span(waits), "text"), (f"   since {words.date_and_time(job.submit_time)}", "faint")
        )
    else:
        page.pair("Runs for", (words.span(ran), "text"), (f"   since {words.date_and_time(job.start_time)}", "faint"))
    if job.time_limit_seconds is not None:
        left = None if ran is None else job.time_limit_seconds - ran
        rest = "" if left is None else f"   {words.span(left)} left"
        page.pair(
            "Limit",
            (words.span(job.time_limit_seconds), "text"),
            (rest, "warn" if left is not None and left < 900 else "muted"),
        )


def _risk(page: Page, shown: Shown, job: Job) -> None:
    requeue = {True: "yes", False: "no", None: words.UNKNOWN}[job.requeueable]
    if job.requeueable is False and job.workload is not None:
        requeue = f"no: a bare {job.workload}, nothing makes it again"
    page.pair(
        "Requeueable",
        (requeue, "warn" if job.requeueable is False else "text"),
        (f"   restarted {words.plural(job.restarts, 'time')}" if job.restarts is not None else "", "muted"),
    )
    if not job.is_running:
        return
    ran = job.elapsed_seconds(shown.scene.now) or 0.0
    if job.checkpoint_time is None:
        age, said, role = ran, "nobody told when", "warn"
    else:
        age = min(ran, shown.scene.now - job.checkpoint_time)
        said, role = f"{words.span(age)} ago", "warn" if age > CHECKPOINT_OLD_SECONDS else "text"
    spans: list[Span] = [(said, role)]
    if job.gpus is not None:
        most = "at most " if job.checkpoint_time is None else ""
        spans.append((f"   {most}{job.gpus * age / 3600:,.1f} GPU-hours would be lost", "muted"))
    page.pair("Checkpoint", *spans)


def _files(page: Page, job: Job, width: int) -> None:
    for label, value in (("Directory", job.work_dir), ("Output", job.std_out)):
        if value:
            page.text(label, value, width)


def _pods(page: Page, shown: Shown, job: Job) -> None:
    """What a workload consists of; nothing for a job of Slurm."""
    if job.workload is None:
        return
    pods = shown.joins.pods.of_job(job.key)
    waiting(page, pods)
    page.heading("Pods", words.plural(len(pods), "pod") if pods else "none now")
    list_pods(page, shown, pods, with_node=True)
    list_events(page, shown, shown.joins.pods.events_of_job(job), job.cluster)


def _nodes(page: Page, shown: Shown, job: Job) -> None:
    nodes = shown.joins.nodes_of_job(job)
    page.heading("Nodes", job.node_list or "none yet")
    gpus = dict(job.gpu_map or ())
    nodes.sort(key=lambda node: not is_faulty(node))
    for node in nodes[:NODES_LISTED]:
        glyph, role = node_mark(node)
        indexes = gpus.get(node.name)
        held = _counted(shown, job, node) if indexes is None else "GPU " + ",".join(map(str, indexes))
        parts = ((node.name, 16, "strong"), (f"{glyph} {node.word}", 11, role), (held, 24, "muted"))
        page.link(
            (*columns(parts), (node.reason or "", "text")),
            Place("node", node.key),
            Selection("node", node.cluster, (node.name,)),
        )
    if len(nodes) > NODES_LISTED:
        page.note(f"and {len(nodes) - NODES_LISTED:,} more")


def _counted(shown: Shown, job: Job, node: Node) -> str:
    """What its pods there have, where only their number is known."""
    pods = shown.joins.pods.of_node(node.key) if job.workload is not None else []
    number = sum(pod.gpus for pod in pods if pod.job == job.id and not is_over(pod))
    return f"{words.plural(number, 'GPU')}, not known which" if number else "GPUs not known"
