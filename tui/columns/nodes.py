"""The node list."""

from __future__ import annotations

from crashcart.backends.model import Node
from crashcart.ops.fields import Scene
from crashcart.ops.findings import Verdict
from crashcart.ops.holds import held_since, holders, holds, reasons
from crashcart.tui import words
from crashcart.tui.cells import Span
from crashcart.tui.states import node_mark, verdict_mark

from .column import Cell, Column, by, by_name, by_text, field, last, plain

_STATE_ORDER = ("down", "unknown", "draining", "drained", "cordoned", "reboot", "maint", "mixed", "allocated", "idle")
_VERDICTS: tuple[Verdict, ...] = ("disagree", "unknown", "agree", "alone")
GPU_BAR = 8


def state(scene: Scene, node: Node) -> Cell:
    """Glyph and word."""
    glyph, role = node_mark(node)
    return ((f"{glyph} {node.word}", role),)


def gpu_bar(scene: Scene, node: Node) -> Cell:
    """`■■■□□□□□` where the indexes are known, else `6/8`."""
    if node.gpus_total is None or node.gpus_total == 0:
        return plain(words.UNKNOWN if node.gpus_total is None else "none", "faint")
    doubt = "" if scene.joins.findings.is_known(node, scene.now) else "stale"
    if node.gpus_total > GPU_BAR or node.gpus_used is None:
        return plain(words.share(node.gpus_used, node.gpus_total), doubt or "text")
    used = set(range(node.gpus_used)) if node.gpus_used_indexes is None else set(node.gpus_used_indexes)
    shown = "".join("■" if gpu in used else "□" for gpu in range(node.gpus_total))
    return ((shown, doubt or ("muted" if used else "faint")),)


def _jobs(scene: Scene, node: Node) -> Cell:
    number = len(scene.joins.jobs_on_node(node.key))
    return plain(str(number) if number else "·", "text" if number else "faint")


def _alerts(scene: Scene, node: Node) -> Cell:
    alerts = scene.joins.alerts.firing_on(node.key)
    if not alerts:
        known = scene.store.knows("alert", scene.now, node.cluster)
        return plain("·" if known else words.UNKNOWN, "faint")
    worst = "crit" if any(alert.severity == "critical" for alert in alerts) else "warn"
    return plain(f"!{len(alerts)}", worst)


def _load(scene: Scene, node: Node) -> Cell:
    if node.load is None:
        return plain(words.UNKNOWN, "faint")
    crowded = node.cpus_total is not None and node.load > node.cpus_total * 1.5
    return plain(f"{node.load:.1f}", "warn" if crowded else "text")


def _job_count(scene: Scene, node: Node) -> int:
    return len(scene.joins.jobs_on_node(node.key))


def _alert_count(scene: Scene, node: Node) -> int:
    return len(scene.joins.alerts.firing_on(node.key))


def _partitions(scene: Scene, node: Node) -> Cell:
    return plain(",".join(node.partitions), "muted")


def reason(scene: Scene, node: Node) -> Cell:
    """Why it is out of service, on which plane where several know the node; else what the planes disagree about."""
    found = scene.joins.findings.of(node.key, scene.now)
    if not reasons(node) and found:
        return plain(found[0].text, "warn" if found[0].is_known else "stale")
    if not node.planes:
        return plain(node.reason or "")
    spans: list[Span] = []
    for hold in holds(node):
        is_live = scene.store.freshness(node.cluster, hold.source, scene.now) == "live"
        said = (hold.reason or hold.word, "text" if is_live else "stale")
        spans += [("  " if spans else "", "text"), (f"{hold.source} ", "accent" if is_live else "stale"), said]
    return tuple(spans) or plain("")


def verdict(scene: Scene, node: Node) -> Cell:
    """Whether the planes agree; of a node that only one knows, which that is."""
    found = scene.joins.findings.verdict(node, scene.now)
    glyph, role = verdict_mark(found)
    return plain(node.source if found == "alone" else f"{glyph} {found}", role)


def _verdict_order(scene: Scene, node: Node) -> int:
    return _VERDICTS.index(scene.joins.findings.verdict(node, scene.now))


def _has_planes(scene: Scene) -> bool:
    return scene.joins.findings.has_planes()


def _by(scene: Scene, node: Node) -> Cell:
    return plain(holders(node) or "", "muted")


def _since(scene: Scene, node: Node) -> Cell:
    at = held_since(node)
    return plain("" if at is None else words.age(scene.now - at), "muted")


COLUMNS: tuple[Column[Node], ...] = (
    Column("name", "NODE", 10, field("name", "strong"), by_name("name"), 0, 1, most=20),
    Column("cluster", "CLUSTER", 8, field("cluster", "muted"), by_text("cluster"), 8),
    Column("state", "STATE", 11, state, lambda s, n: _rank(n), 1),
    Column("gpus", "GPUS", 8, gpu_bar, by("gpus_used"), 2, descending=True),
    Column("jobs", "JOBS", 4, _jobs, _job_count, 4, align="right", descending=True),
    Column("alerts", "!", 3, _alerts, _alert_count, 3, align="right", descending=True),
    Column("planes", "PLANES", 10, verdict, _verdict_order, 2, when=_has_planes),
    Column("reason", "REASON", 26, reason, lambda s, n: last(reasons(n)), 3, 6, most=60),
    Column("by", "BY", 8, _by, lambda s, n: last(holders(n)), 7),
    Column("since", "SINCE", 6, _since, lambda s, n: last(held_since(n)), 5, align="right"),
    Column("partition", "PARTITION", 10, _partitions, lambda s, n: n.partitions, 6, 1, most=18),
    Column("load", "LOAD", 6, _load, by("load"), 9, align="right", descending=True),
    Column("rack", "RACK", 6, field("rack", "muted"), by_name("rack"), 10),
    Column("switch", "SWITCH", 8, field("switch", "muted"), by_name("switch"), 11),
    Column("type", "GPU", 8, field("gpu_type", "muted"), by_text("gpu_type"), 12),
)


def _rank(node: Node) -> int:
    return _STATE_ORDER.index(node.word) if node.word in _STATE_ORDER else 1
