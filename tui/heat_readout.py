"""What the cell under the heatmap's cursor is, in words: node, job and user, then every number with its age."""

from __future__ import annotations

from . import words
from .cells import Span
from .heat_layout import Tile
from .heat_metrics import throttle_role, throttle_words, xid_role
from .shown import Shown
from .states import node_mark

SEPARATOR: Span = ("  ", "faint")
Spans = tuple[Span, ...]


def readout(shown: Shown, tile: Tile | None, gpu: int, whole_node: bool) -> tuple[Spans, Spans]:
    """Two lines."""
    if tile is None:
        return ((),) * 2
    return _who(shown, tile, gpu, whole_node), _numbers(shown, tile, gpu) if not whole_node else _sums(shown, tile)


def _who(shown: Shown, tile: Tile, gpu: int, whole_node: bool) -> Spans:
    spans: list[Span] = [(tile.name, "title"), ("" if whole_node else f" gpu {gpu}", "strong"), SEPARATOR]
    node = shown.store.nodes.get(tile.key)
    if node is None:
        spans.append(("? not in any scheduler", "unknown"))
    else:
        glyph, role = node_mark(node)
        spans.append((f"{glyph} {node.word}", role))
        if node.reason:
            spans += [SEPARATOR, (node.reason, "text"), (f" {node.reason_by or ''}", "muted")]
    owner = None if whole_node else shown.joins.owner_of_gpu(tile.cluster, tile.name, gpu)
    if owner is not None:
        job = owner.job
        spans += [SEPARATOR, (f"job {job.id}", "accent"), (f" {job.name}", "text"), (f" {job.user}", "muted")]
    return tuple(spans)


def _numbers(shown: Shown, tile: Tile, gpu: int) -> Spans:
    table = shown.store.gpus.get(tile.cluster)
    if table is None or tile.host not in table.offsets:
        return (("no telemetry of this node", "faint"),)

    def value(metric: str) -> float | None:
        return table.value(metric, tile.host, gpu)

    xid, throttle = value("xid"), value("throttle_reasons")
    when = table.sample_time("util_percent", tile.host, gpu)
    spans: list[Span] = [
        ("use ", "muted"),
        (_unit(value("util_percent"), "%"), "text"),
        ("  mem ", "muted"),
        (f"{words.size(value('memory_used_bytes'))}/{words.size(value('memory_total_bytes'))}", "text"),
        ("  ", "text"),
        (_unit(value("temperature_celsius"), "°C"), "text"),
        ("  ", "text"),
        (_unit(value("power_watts"), "W"), "text"),
        ("  ", "text"),
        (_unit(value("sm_clock_mhz"), "MHz"), "text"),
        ("  ", "text"),
        (f"Xid {xid:.0f}", xid_role(xid)) if xid else ("no Xid" if xid == 0 else "Xid –", "muted"),
    ]
    if throttle is not None and throttle_role(throttle) != "ok":
        spans += [("  ", "text"), (throttle_words(throttle), throttle_role(throttle))]
    spans.append((f"  {words.age(None if when is None else shown.scene.now - when)} old", "faint"))
    return tuple(spans)


def _sums(shown: Shown, tile: Tile) -> Spans:
    jobs = shown.joins.jobs_on_node(tile.key)
    alerts = shown.joins.alerts_of_node(tile.key)
    node = shown.store.nodes.get(tile.key)
    used = None if node is None else node.gpus_used
    spans: list[Span] = [(f"{words.share(used, tile.gpus)} GPUs in use", "text"), SEPARATOR]
    spans.append((words.plural(len(jobs), "job"), "text"))
    spans += [SEPARATOR, (f"{job.id} {job.name} {job.user}", "muted")] if (job := next(iter(jobs), None)) else []
    if alerts:
        spans += [SEPARATOR, (f"! {words.plural(len(alerts), 'alert')}", "warn")]
    return tuple(spans)


def _unit(value: float | None, unit: str) -> str:
    return f"{words.count(value)} {unit}"
