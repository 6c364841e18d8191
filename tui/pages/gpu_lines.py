"""One GPU in one line of a node's page, and the words for its numbers."""

from __future__ import annotations

from crashcart.backends.model import Node
from crashcart.tui import words
from crashcart.tui.cells import Span
from crashcart.tui.columns.queues import bar
from crashcart.tui.heat_cells import used_gpus
from crashcart.tui.heat_metrics import throttle_role, throttle_words, xid_role
from crashcart.tui.shown import Shown

from .page import columns

BAR = 10
HOT_CELSIUS = 87.0
"""Close to the slowdown temperature of current data-centre GPUs (87 to 90 °C by their data sheets)."""

_WIDTHS = (3, 8, -5, 10, -11, -5, -6, 9)
_TITLES = ("GPU", "STATE", "USE", "", "MEMORY", "TEMP", "POWER", "XID")


def gpu_header() -> str:
    """Titles over `gpu_line`."""
    return "".join(text for text, _ in columns([(t, w, "") for t, w in zip(_TITLES, _WIDTHS, strict=True)])) + "JOB"


def reading(shown: Shown, node: Node, metric: str, gpu: int) -> float | None:
    """One number of one GPU, by whatever name its telemetry has for the node."""
    table = shown.store.gpus.get(node.cluster)
    if table is None:
        return None
    host = host_of(shown, node)
    return None if host is None else table.value(metric, host, gpu)


def host_of(shown: Shown, node: Node) -> str | None:
    """The name by which the telemetry knows the node."""
    table = shown.store.gpus.get(node.cluster)
    if table is None:
        return None
    if node.name in table.offsets:
        return node.name
    return next((host for host in table.offsets if shown.joins.node_name(node.cluster, host) == node.name), None)


def gpu_line(shown: Shown, node: Node, gpu: int) -> tuple[Span, ...]:
    """Index, allocation, use, memory, temperature, power, Xid, job."""

    def value(metric: str) -> float | None:
        return reading(shown, node, metric, gpu)

    util, heat, xid, throttle = (
        value("util_percent"),
        value("temperature_celsius"),
        value("xid"),
        value("throttle_reasons"),
    )
    state, state_role = _allocation(node, gpu)
    hot = heat is not None and heat >= HOT_CELSIUS
    cells = (
        (str(gpu), "strong"),
        (state, state_role),
        (_number(util, "%"), "text"),
        ("", "text"),
        (_memory(value("memory_used_bytes"), value("memory_total_bytes")), "text"),
        (_number(heat, "°"), "crit" if hot else "text"),
        (_number(value("power_watts"), "W"), "text"),
        (_xid(xid), xid_role(xid) if xid else "faint"),
    )
    parts = [(text, width, role) for (text, role), width in zip(cells, _WIDTHS, strict=True)]
    job = shown.joins.job_on_gpu(node.cluster, node.name, gpu)
    owner: tuple[Span, ...] = ((f"{job.id} ", "accent"), (f"{job.name} ", "text"), (job.user, "muted")) if job else ()
    slowed: tuple[Span, ...] = ()
    if throttle is not None and throttle_role(throttle) != "ok":
        slowed = ((f"  {throttle_words(throttle)}", throttle_role(throttle)),)
    return (*columns(parts[:3]), *bar(util, 100, BAR), ("  ", "text"), *columns(parts[4:]), *owner, *slowed)


def _number(value: float | None, unit: str) -> str:
    return words.UNKNOWN if value is None else f"{words.count(value)}{unit}"


def _memory(used: float | None, total: float | None) -> str:
    return f"{words.size(used)}/{words.size(total)}" if total else words.UNKNOWN


def _allocation(node: Node, gpu: int) -> tuple[str, str]:
    """The word and its role."""
    used = used_gpus(node)
    if node.is_down:
        return "✕ down", "crit"
    if used is None:
        return words.UNKNOWN, "faint"
    if gpu in used:
        return "■ in use", "text"
    return ("□ kept", "warn") if node.is_draining else ("□ free", "muted")


def _xid(xid: float | None) -> str:
    if xid is None:
        return words.UNKNOWN
    return f"Xid {xid:.0f}" if xid else "none"
