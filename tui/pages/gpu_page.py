"""Everything about one GPU."""

from __future__ import annotations

from crashcart.ops.store import Store
from crashcart.tui import words
from crashcart.tui.heat_metrics import METRICS, throttle_role, xid_role
from crashcart.tui.places import Place
from crashcart.tui.selection import Selection
from crashcart.tui.shown import Shown
from crashcart.tui.states import node_mark

from .gpu_lines import host_of, reading
from .node_page import job_spans
from .page import Page


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
    elif owner.job is None:
        page.pair("Owner", (owner.label, "text"))
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
