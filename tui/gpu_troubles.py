"""What is wrong with a GPU, or with what is known of it, in words; worst first, each in one span."""

from __future__ import annotations

from crashcart.ops.outliers import Outlier
from crashcart.ops.xid import decode

from . import words
from .cells import Span
from .heat_metrics import METRICS, ecc_role, remap_role, xid_role
from .shown import Shown

NAN = float("nan")
_GLYPHS = {"crit": "✕", "warn": "▲"}
_TEXTS = {metric.column: metric.text for metric in METRICS}


def troubles(shown: Shown, key: str, gpu: int) -> list[Span]:
    """What is wrong with GPU `gpu` of the node `cluster/name`."""
    return [*_doubts(shown, key, gpu), *_faults(shown, key, gpu)]


def node_troubles(shown: Shown, key: str, gpus: int) -> list[Span]:
    """What is wrong with the GPUs of a node: doubts that all share once, then each fault with its GPU."""
    doubts = [_doubts(shown, key, gpu) for gpu in range(gpus)]
    shared = doubts[0] if doubts and all(doubt == doubts[0] for doubt in doubts) else []
    found = list(shared)
    for gpu in range(gpus):
        own = [*([] if shared else doubts[gpu]), *_faults(shown, key, gpu)]
        found += [(f"gpu {gpu} {text}", role) for text, role in own if role != "faint"]
    return found


def outlier_words(odd: Outlier) -> str:
    """`outlier: 210 W, job's median 655 W`."""
    text = _TEXTS[odd.metric]
    return f"outlier: {text(odd.value)}, job's median {text(odd.median)}"


def exporter_words(shown: Shown, key: str) -> str:
    """`exporter down 2m: connection refused`, "" while it answers."""
    target = shown.joins.gpus.exporter_failure(key)
    if target is None:
        return ""
    return f"exporter down {words.age(shown.scene.now - target.since)}: {target.error or 'no reason given'}"


def _doubts(shown: Shown, key: str, gpu: int) -> list[Span]:
    """Why what is known of the GPU is not to be trusted."""
    gpus, scene = shown.joins.gpus, shown.scene
    state = gpus.state(key, gpu, scene.now)
    table, host = shown.store.gpus.get(key.partition("/")[0]), gpus.host(key)
    if state == "exporter down":
        return [(f"░ {exporter_words(shown, key)}", "warn")]
    if table is None or host is None or state == "no data":
        return [("· no telemetry of this GPU", "faint")]
    if state == "missing":
        there = table.counts[host] - len(gpus.missing().get(key, ()))
        node = shown.store.nodes.get(key)
        total = max(table.counts[host], (node.gpus_total or 0) if node else 0)
        return [(f"∅ missing: the host reports {there} of {total} GPUs", "crit")]
    if state == "stale":
        return [(f"░ stale{_source_trouble(shown, table.rows.cluster, table.source_of(host))}", "warn")]
    return []


def _source_trouble(shown: Shown, cluster: str, name: str) -> str:
    """`: dcgm down 3m`, "" while the source is live and only the sample is old."""
    store, now = shown.store, shown.scene.now
    freshness, source = store.freshness(cluster, name, now), store.sources.get((cluster, name))
    if freshness == "live":
        return ""
    since = None if source is None or source.last_success is None else now - source.last_success
    return f": {name} {freshness} {words.age(since)}"


def _faults(shown: Shown, key: str, gpu: int) -> list[Span]:
    table, host = shown.store.gpus.get(key.partition("/")[0]), shown.joins.gpus.host(key)
    if table is None or host is None:
        return []

    def value(metric: str) -> float:
        held = table.value(metric, host, gpu)
        return NAN if held is None else held

    found: list[Span] = []
    xid = value("xid")
    if xid > 0:
        role = xid_role(xid)
        meaning = decode(int(xid)).meaning or "not in the table"
        found.append((f"{_GLYPHS[role]} last Xid {xid:.0f} (sticky): {meaning}", role))
    ecc, remap = value("ecc_uncorrected"), (value("remap_failure"), value("remapped_uncorrectable"))
    if remap_role(*remap) != "ok":
        said = (
            "row remapping failed" if remap[0] > 0 else f"{words.plural(int(remap[1]), 'row')} remapped, reset pending"
        )
        found.append((f"{_GLYPHS[remap_role(*remap)]} {said}", remap_role(*remap)))
    if ecc_role(ecc, NAN) != "ok":
        found.append((f"✕ {ecc:.0f} uncorrected ECC errors", "crit"))
    odd = shown.joins.gpus.outliers_on(key, shown.joins.jobs_on_node(key)).get(gpu)
    if odd is not None:
        found.append((f"≠ {outlier_words(odd)}", "warn"))
    return sorted(found, key=lambda span: span[1] != "crit")
