"""The GPUs of one job together: what is usual among them, and which are unlike the others, missing or unknown."""

from __future__ import annotations

from bisect import bisect_right

from crashcart.backends.model import Job
from crashcart.ops.gpu_table import GpuTable
from crashcart.ops.outliers import JUDGED, Outlier
from crashcart.tui.cells import Span
from crashcart.tui.gpu_troubles import exporter_words, outlier_words
from crashcart.tui.heat_metrics import METRICS
from crashcart.tui.places import Place
from crashcart.tui.selection import Selection
from crashcart.tui.shown import Shown

from .page import Page, columns

LISTED = 24
WATCHED_HOSTS = 16
"""More machines than this at a time are not asked for their series."""

_SAID = {metric.column: metric for metric in METRICS}


def watched_hosts(shown: Shown, job: Job) -> tuple[tuple[str, str], ...]:
    """The first machines of the job, by the names that the telemetry has for them."""
    nodes = shown.joins.nodes_of_job(job)[:WATCHED_HOSTS]
    return tuple((node.cluster, shown.joins.gpus.host(node.key) or node.name) for node in nodes)


def job_gpus(page: Page, shown: Shown, job: Job) -> None:
    """Add the section; nothing for a job that has no GPUs in any telemetry."""
    table = shown.store.gpus.get(job.cluster)
    runs = shown.joins.gpus.runs(job, table) if table is not None and job.is_running else []
    if table is None or not runs:
        return
    rows = [row for first, count in runs for row in range(first, first + count)]
    page.heading("GPUs", f"medians of {len(rows):,}, from {table.rows.source}")
    page.pair("Usual", *_medians(table, rows))
    for key in dict.fromkeys(node.key for node in shown.joins.nodes_of_job(job)):
        _doubts(page, shown, key)
    odd = sorted(shown.joins.gpus.outliers_of(job).items(), key=lambda item: item[0])
    for row, outlier in odd[:LISTED]:
        _outlier(page, shown, table, row, outlier)
    if len(odd) > LISTED:
        page.note(f"and {len(odd) - LISTED:,} more unlike the others")


def _medians(table: GpuTable, rows: list[int]) -> list[Span]:
    spans: list[Span] = []
    for judged in JUDGED:
        column = table.columns.get(judged.metric)
        values = sorted(value for row in rows if column is not None and (value := column[row]) == value)
        if values:
            spans.append((f"{_SAID[judged.metric].text(values[len(values) // 2])}   ", "text"))
    return spans or [("nothing measured", "faint")]


def _doubts(page: Page, shown: Shown, key: str) -> None:
    """A node of the job whose exporter fails, or that reports fewer GPUs than it has."""
    said = exporter_words(shown, key)
    missing = shown.joins.gpus.missing_by_node(shown.scene.now).get(key, 0)
    name = key.partition("/")[2]
    if said:
        page.link((*columns(((name, 16, "strong"),)), (f"░ {said}", "warn")), Place("node", key))
    if missing:
        page.link((*columns(((name, 16, "strong"),)), (f"∅ {missing} missing", "crit")), Place("node", key))


def _outlier(page: Page, shown: Shown, table: GpuTable, row: int, outlier: Outlier) -> None:
    hosts, starts = list(table.offsets), list(table.offsets.values())
    host = hosts[bisect_right(starts, row) - 1]
    gpu, cluster = row - table.offsets[host], table.rows.cluster
    name = shown.joins.node_name(cluster, host)
    spans = (*columns(((f"{name} gpu {gpu}", 16, "strong"),)), (f"≠ {outlier_words(outlier)}", "warn"))
    page.link(spans, Place("gpu", f"{cluster}/{name}/{gpu}"), Selection("node", cluster, (name,)))
