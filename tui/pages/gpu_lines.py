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
    util = reading(shown, node, "util_percent", gpu)
    used, total = reading(shown, node, "memory_used_bytes", gpu), reading(shown, node, "memory_total_bytes", gpu)
    heat, power = reading(shown, node, "temperature_celsius", gpu), reading(shown, node, "power_watts", gpu)
    xid, throttle = reading(shown, node, "xid", gpu), reading(shown, node, "throttle_reasons", gpu)
    job = shown.joins.job_on_gpu(node.cluster, node.name, gpu)
    state, state_role = _allocation(node, gpu)
    texts = columns((
        (str(gpu), _WIDTHS[0], "strong"),
        (state, _WIDTHS[1], state_role),
        (f"{words.count(util)}%" if util is not None else words.UNKNOWN, _WIDTHS[2], "text"),
    ))  # fmt: skip
    more = columns((
        (f"{words.size(used)}/{words.size(total)}" if total else words.UNKNOWN, _WIDTHS[4], "text"),
        (f"{words.count(heat)}°" if heat is not None else words.UNKNOWN, _WIDTHS[5], "crit" if heat is not None and heat >= HOT_CELSIUS else "text"),
        (f"{words.count(power)}W" if power is not None else words.UNKNOWN, _WIDTHS[6], "text"),
        (_xid(xid), _WIDTHS[7], "faint" if not xid else xid_role(xid)),
    ))  # fmt: skip
    owner: tuple[Span, ...] = ((f"{job.id} ", "accent"), (f"{job.name} ", "text"), (job.user, "muted")) if job else ()
    slowed: tuple[Span, ...] = ()
    if throttle is not None and throttle_role(throttle) != "ok":
        slowed = ((f"  {throttle_words(throttle)}", throttle_role(throttle)),)
    return (*texts, *bar(util, 100, BAR), ("  ", "text"), *more, *owner, *slowed)


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
