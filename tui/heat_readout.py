"""What the cell under the heatmap's cursor is, in words: node, job and user, then what is wrong, then the numbers.

Two lines of the screen's width: what matters least is dropped first, and never what is wrong.
"""

from __future__ import annotations

from crashcart.ops.joins import GpuOwner

from . import words
from .cells import Span
from .fitting import Part, fitted, part
from .gpu_troubles import node_troubles, troubles
from .heat_layout import Tile
from .heat_metrics import METRICS, HeatMetric, throttle_role, throttle_words
from .shown import Shown
from .states import node_mark

Spans = tuple[Span, ...]

_SHOWN = ("util", "memory", "temperature", "power", "margin", "tensor", "ecc", "remap")
"""Numbers in the order of the line; Xids and throttling are told as troubles."""

_WORTH = {"util": 60, "memory": 50, "temperature": 52, "power": 58, "margin": 30, "tensor": 28, "ecc": 20, "remap": 18}


def readout(
    shown: Shown, tile: Tile | None, gpu: int, *, whole_node: bool, metric: HeatMetric, width: int
) -> tuple[Spans, Spans]:
    """Two lines of at most `width` cells."""
    if tile is None:
        return (), ()
    numbers = _sums(shown, tile) if whole_node else _numbers(shown, tile, gpu, metric)
    return fitted(_who(shown, tile, gpu, whole_node), width), fitted(numbers, width)


def _who(shown: Shown, tile: Tile, gpu: int, whole_node: bool) -> list[Part]:
    parts = [part(100, (tile.name, "title"), ("" if whole_node else f" gpu {gpu}", "strong"))]
    node = shown.store.nodes.get(tile.key)
    if node is None:
        parts.append(part(90, ("? not in any scheduler", "unknown")))
    else:
        glyph, role = node_mark(node)
        parts.append(part(90, (f"{glyph} {node.word}", role)))
    owner = None if whole_node else shown.joins.owner_of_gpu(tile.cluster, tile.name, gpu)
    if owner is not None:
        parts += _owner(owner)
    if node is not None and node.reason:
        parts += [part(60, (node.reason, "text")), part(30, (node.reason_by or "", "muted"))]
    return parts


def _owner(owner: GpuOwner) -> list[Part]:
    job = owner.job
    about = [part(70, (job.name, "text")), part(80, (job.user, "muted"))] if job is not None else []
    return [part(85, (owner.name, "accent")), *about, part(20, (f"by {owner.source}", "faint"))]


def _numbers(shown: Shown, tile: Tile, gpu: int, metric: HeatMetric) -> list[Part]:
    table = shown.store.gpus.get(tile.cluster)
    if table is None or tile.host not in table.offsets:
        return [part(100, ("· no telemetry of this node", "faint"))]
    state = shown.joins.gpus.state(tile.key, gpu, shown.scene.now)
    found = [part(100 - index, span) for index, span in enumerate(troubles(shown, tile.key, gpu))]
    role = "text" if state == "live" else "stale"
    for shown_metric in (one for name in _SHOWN for one in METRICS if one.id == name):
        value = table.value(shown_metric.column or "", tile.host, gpu)
        worth = 95 if shown_metric is metric else _WORTH[shown_metric.id]
        if value is not None:
            found.append(part(worth, *_number(shown_metric, value, role)))
    clock, throttle = table.value("sm_clock_mhz", tile.host, gpu), table.value("throttle_reasons", tile.host, gpu)
    if clock is not None:
        found.append(part(25, (f"{words.count(clock)} MHz", role)))
    if throttle is not None and throttle_role(throttle) != "ok":
        found.append(part(88, (throttle_words(throttle), throttle_role(throttle))))
    when = table.sample_time(metric.column or "util_percent", tile.host, gpu)
    age = words.age(None if when is None else shown.scene.now - when)
    return [*found, part(90, (f"{age} old", "faint" if state == "live" else "warn"))]


def _number(metric: HeatMetric, value: float, role: str) -> Spans:
    named = {"util": "use ", "memory": "mem ", "tensor": "tensor ", "margin": "", "ecc": "ECC ", "remap": "remap "}
    return (named.get(metric.id, ""), "muted"), (metric.text(value), role)


def _sums(shown: Shown, tile: Tile) -> list[Part]:
    jobs = shown.joins.jobs_on_node(tile.key)
    alerts = shown.joins.alerts.of_node(tile.key)
    node = shown.store.nodes.get(tile.key)
    used = None if node is None or shown.store.is_stale(node, shown.scene.now) else node.gpus_used
    found = [part(70 - index, span) for index, span in enumerate(node_troubles(shown, tile.key, tile.gpus)[:3])]
    found.append(part(90, (f"{words.share(used, tile.gpus)} GPUs in use", "text")))
    found.append(part(50, (words.plural(len(jobs), "job"), "text")))
    found += [part(60, (f"{job.id} {job.name} {job.user}", "muted")) for job in jobs[:1]]
    if alerts:
        found.append(part(80, (f"! {words.plural(len(alerts), 'alert')}", "warn")))
    return found
