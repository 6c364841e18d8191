"""One GPU in one line of a node's page, and the words for its numbers."""

from __future__ import annotations

from crashcart.backends.model import Node
from crashcart.ops.series import gpu_samples
from crashcart.tui import words
from crashcart.tui.cells import Span
from crashcart.tui.columns.queues import bar
from crashcart.tui.gpu_troubles import outlier_words
from crashcart.tui.heat_cells import used_gpus
from crashcart.tui.heat_metrics import throttle_role, throttle_words, xid_role
from crashcart.tui.shown import Shown
from crashcart.tui.sparklines import span_of, spans_of, sparkline

from .page import columns

BAR = 8
TREND = 12
ROOM_FOR_TREND = 112
"""A page this wide shows the recent use of each GPU beside its job."""

HOT_CELSIUS = 87.0
"""Close to the slowdown temperature of current data-centre GPUs (87 to 90 °C by their data sheets)."""

LITTLE_MARGIN_CELSIUS = 3.0

_WIDTHS = (3, 9, -5, BAR, -11, -5, -6, 9)
_TITLES = ("GPU", "STATE", "USE", "", "MEMORY", "TEMP", "POWER", "LAST XID")


def gpu_header(lately: Lately | None) -> str:
    """Titles over `gpu_line`."""
    titles = "".join(text for text, _ in columns([(t, w, "") for t, w in zip(_TITLES, _WIDTHS, strict=True)]))
    return titles + (f"{f'USE IN {lately.name}':{TREND}}  " if lately else "") + "JOB"


def reading(shown: Shown, key: str, metric: str, gpu: int) -> float | None:
    """One number of one GPU of the node `cluster/name`, by whatever name its telemetry has for the node."""
    table, host = shown.store.gpus.get(key.partition("/")[0]), shown.joins.gpus.host(key)
    return None if table is None or host is None else table.value(metric, host, gpu)


def is_hot(shown: Shown, key: str, gpu: int) -> bool:
    """Close to slowing down: by its own margin where that is told, else by its temperature."""
    margin = reading(shown, key, "temperature_margin_celsius", gpu)
    if margin is not None:
        return margin <= LITTLE_MARGIN_CELSIUS
    return (reading(shown, key, "temperature_celsius", gpu) or 0.0) >= HOT_CELSIUS


def gpu_line(shown: Shown, node: Node, gpu: int, lately: Lately | None) -> tuple[Span, ...]:
    """Index, allocation, use, memory, temperature, power, last Xid, who has it, and what is wrong."""
    telemetry = shown.joins.gpus.state(node.key, gpu, shown.scene.now)
    plain = "text" if telemetry == "live" else "stale"

    def value(metric: str) -> float | None:
        return reading(shown, node.key, metric, gpu)

    util, xid = value("util_percent"), value("xid")
    hot = plain == "text" and is_hot(shown, node.key, gpu)
    cells = (
        (str(gpu), "strong"),
        ("∅ missing", "crit") if telemetry == "missing" else _allocation(shown, node, gpu),
        (_number(util, "%"), plain),
        ("", "text"),
        (_memory(value("memory_used_bytes"), value("memory_total_bytes")), plain),
        (_number(value("temperature_celsius"), "°"), "crit" if hot else plain),
        (_number(value("power_watts"), "W"), plain),
        (_xid(xid), xid_role(xid) if xid else "faint"),
    )
    parts = [(text, size, role) for (text, role), size in zip(cells, _WIDTHS, strict=True)]
    past = lately.spans(gpu) if lately else ()
    use = bar(util if plain == "text" else None, 100, BAR)
    return (*columns(parts[:3]), *use, ("  ", "text"), *columns(parts[4:]), *past, *_rest(shown, node, gpu))


class Lately:
    """The use of all GPUs of a node over one stretch of time, so that the lines compare."""

    def __init__(self, shown: Shown, key: str, gpus: int) -> None:
        cluster, host, self._now = key.partition("/")[0], shown.joins.gpus.host(key), shown.scene.now
        told = () if host is None else range(gpus)
        self._samples = [gpu_samples(shown.store, cluster, host or "", gpu, "util_percent") for gpu in told]
        oldest = min((samples[:1] for samples in self._samples if samples), default=[])
        self._seconds, self.name = span_of(oldest, self._now)

    def spans(self, gpu: int) -> tuple[Span, ...]:
        """The line of one GPU and a gap."""
        samples = self._samples[gpu] if gpu < len(self._samples) else []
        line = sparkline(samples, now=self._now, seconds=self._seconds, width=TREND, low=0, high=100)
        return (*spans_of(line), ("  ", "text"))


def _rest(shown: Shown, node: Node, gpu: int) -> list[Span]:
    """Who has it and what is wrong with it, as far as there is room."""
    owner = shown.joins.owners_on_node(node.key).get(gpu)
    spans: list[Span] = []
    if owner is not None and not owner.is_exact:
        spans.append(("one of: ", "faint"))
    if owner is not None and owner.job is not None:
        name = f"{owner.job.name} " if owner.job.workload is None else ""
        spans += [(f"{owner.job.id} ", "accent"), (name, "text"), (owner.job.user, "muted")]
    elif owner is not None:
        spans.append((owner.label, "accent"))
    odd = shown.joins.gpus.outliers_on(node.key, shown.joins.jobs_on_node(node.key)).get(gpu)
    if odd is not None:
        spans.append((f"  ≠ {outlier_words(odd)}", "warn"))
    throttle = reading(shown, node.key, "throttle_reasons", gpu)
    if throttle is not None and throttle_role(throttle) != "ok":
        spans.append((f"  {throttle_words(throttle)}", throttle_role(throttle)))
    return spans


def _number(value: float | None, unit: str) -> str:
    return words.UNKNOWN if value is None else f"{words.count(value)}{unit}"


def _memory(used: float | None, total: float | None) -> str:
    if used is None:
        return words.UNKNOWN
    return f"{words.size(used)}/{words.size(total)}" if total else words.size(used)


def _allocation(shown: Shown, node: Node, gpu: int) -> tuple[str, str]:
    """The word and its role."""
    used = used_gpus(node, shown.joins.owners_on_node(node.key))
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
