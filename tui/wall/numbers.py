"""The key numbers of a cluster, each with where it comes from; what is not known is `?`, never 0."""

from __future__ import annotations

from crashcart.tui import words

from .board import Board
from .digits import short
from .source_doubt import GPU
from .tiles import Tile


def critical(board: Board) -> Tile:
    """Critical alerts that fire. Zero is green only while every source of alerts is fresh and whole."""
    number = board.alerts.critical
    role = "crit" if number else "ok" if board.is_whole else "text"
    note = "all fresh" if role == "ok" else "firing" if number else "not all is well"
    return _alert_tile(board, "CRITICAL", number, role, note)


def firing(board: Board) -> Tile:
    """All alerts that fire and nobody has silenced."""
    number = board.alerts.firing
    role = "warn" if number else "ok" if board.is_whole else "text"
    quiet = f"{board.alerts.silenced:,} silenced" if board.alerts.silenced else ""
    return _alert_tile(board, "ALERTS", number, role, quiet)


def silenced(board: Board) -> Tile:
    """Alerts that somebody keeps quiet."""
    return _alert_tile(board, "SILENCED", board.alerts.silenced, "text", f"{board.alerts.inhibited:,} inhibited")


def pending(board: Board) -> Tile:
    """Alerts that nobody is told of yet."""
    return _alert_tile(board, "PENDING", board.alerts.pending, "text", "not told yet")


def _alert_tile(board: Board, label: str, number: int, role: str, note: str) -> Tile:
    trust = board.sources.of(("alert",))
    if not board.alerts_known:
        return Tile(label, "?", "unknown", f"listed: {number:,}" if number else "not known", trust)
    return Tile(label, short(number), role, note, trust)


def down(board: Board) -> Tile:
    """Nodes that their scheduler does not reach."""
    nodes, trust = board.nodes(), board.sources.of(("node",))
    if not trust.is_known:
        return Tile("NODES DOWN", "?", "unknown", "", trust)
    odd = f", {nodes.odd:,} unknown" if nodes.odd else ""
    role = "crit" if nodes.down else "unknown" if nodes.odd else "ok"
    return Tile("NODES DOWN", short(nodes.down), role, f"of {nodes.total:,}{odd}", trust)


def out_of_service(board: Board) -> Tile:
    """Nodes that take no new work."""
    nodes, trust = board.nodes(), board.sources.of(("node",))
    if not trust.is_known:
        return Tile("DRAINED", "?", "unknown", "", trust)
    return Tile("DRAINED", short(nodes.out), "warn" if nodes.out else "ok", "or draining", trust)


def gpus_in_use(board: Board) -> Tile:
    """How full the cluster is."""
    nodes, trust = board.nodes(), board.sources.of(("node",))
    if not trust.is_known or not nodes.gpus or nodes.gpus_used is None:
        return Tile("GPU USE", "?", "unknown", "", trust)
    percent = f"{100 * nodes.gpus_used // nodes.gpus}%"
    least = "≥ " if nodes.is_least else ""
    return Tile("GPU USE", percent, "text", f"{least}{nodes.gpus_used:,} of {nodes.gpus:,}", trust)


def gpus_missing(board: Board) -> Tile:
    """GPUs that fell off their bus, as far as the telemetry tells."""
    trust = board.sources.of((GPU,))
    if not trust.is_known:
        return Tile("GPUS GONE", "?", "unknown", "", trust)
    number = board.missing_gpus()
    return Tile("GPUS GONE", short(number), "crit" if number else "ok", "of measured", trust)


def jobs_running(board: Board) -> Tile:
    """Jobs that hold nodes."""
    trust = board.sources.of(("job",))
    number = len(board.running()) if trust.is_known else None
    return Tile("RUNNING", short(number), "text" if trust.is_known else "unknown", "", trust)


def jobs_waiting(board: Board) -> Tile:
    """Jobs that wait, and for how long the first of them."""
    trust = board.sources.of(("job",))
    waiting = board.waiting()
    if not trust.is_known:
        return Tile("WAITING", "?", "unknown", "", trust)
    since = waiting[0].submit_time if waiting else None
    longest = f"longest {words.age(board.now - since)}" if since is not None else ""
    return Tile("WAITING", short(board.waiting_number()), "text", longest, trust)
