"""The machine around the GPUs, as a section of a page: its processors, memory, disks and networks in the last hour."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from crashcart.ops.series import Samples, host_samples
from crashcart.tui import words
from crashcart.tui.shown import Shown

from .page import Page
from .trend_lines import Said, Trend, trend

OLD_SECONDS = 180.0
"""Series come in steps of a minute; a last sample older than three of them is not the present."""

FULL_PERCENT = 5.0


@dataclass(frozen=True, slots=True)
class Row:
    """One line. `bad` tells from the last value whether something is wrong."""

    label: str
    metric: str
    scale: Trend
    unit: str = ""
    bad: Callable[[float], bool] = lambda value: False


def _percent(value: float) -> str:
    return f"{value:.0f}%"


def _rate(value: float) -> str:
    return f"{words.size(value)}/s"


def _number(value: float) -> str:
    return f"{value:,.0f}"


ROWS: tuple[Row, ...] = (
    Row("CPU", "cpu_percent", Trend(_percent, 0, 100)),
    Row("Load", "load", Trend(lambda v: f"{v:.1f}")),
    Row("Memory free", "memory_available_bytes", Trend(words.size)),
    Row("Fullest disk", "disk_free_percent", Trend(_percent, 0, 100), " free", lambda v: v < FULL_PERCENT),
    Row("Disk read", "disk_read_bytes_per_second", Trend(_rate)),
    Row("Disk write", "disk_write_bytes_per_second", Trend(_rate)),
    Row("Network in", "network_receive_bytes_per_second", Trend(_rate)),
    Row("Network out", "network_transmit_bytes_per_second", Trend(_rate)),
    Row("Net errors", "network_errors_per_second", Trend(lambda v: f"{v:.1f}"), "/s", lambda v: v > 0),
    Row("InfiniB. in", "infiniband_receive_bytes_per_second", Trend(_rate)),
    Row("InfiniB. out", "infiniband_transmit_bytes_per_second", Trend(_rate)),
    Row("IB ports", "infiniband_ports_down", Trend(_number), " down", lambda v: v > 0),
    Row("IB link down", "infiniband_link_downed", Trend(_number), " since boot"),
    Row("OOM kills", "oom_kills", Trend(_number), " since boot"),
)


def machine_lines(page: Page, shown: Shown, cluster: str, host: str, width: int) -> None:
    """Add the section; what no source measures is named at its end."""
    told = {row.metric: host_samples(shown.store, cluster, host, row.metric) for row in ROWS}
    measured = [row for row in ROWS if told[row.metric]]
    if not measured:
        page.heading("Machine", "not measured: no source tells about the machine itself")
        return
    page.heading("Machine", f"from {', '.join(_sources(shown, cluster, host))}")
    total = host_samples(shown.store, cluster, host, "memory_total_bytes")
    for row in measured:
        scale, unit = row.scale, row.unit
        if total and row.metric == "memory_available_bytes":
            scale, unit = Trend(words.size, 0, total[-1][1]), f" of {words.size(total[-1][1])}"
        _line(page, shown, row, told[row.metric], scale, unit, width)
    absent = [row.label for row in ROWS if not told[row.metric]]
    if absent:
        page.text("Not measured", ", ".join(absent), width, "faint")


def _line(page: Page, shown: Shown, row: Row, samples: Samples, scale: Trend, unit: str, width: int) -> None:
    now = shown.scene.now
    when, value = samples[-1]
    role = "stale" if now - when > OLD_SECONDS else "crit" if row.bad(value) else "text"
    trend(page, Said(row.label, scale.text(value) + unit, now - when, role), samples, scale, now, width)


def _sources(shown: Shown, cluster: str, host: str) -> list[str]:
    return sorted(shown.store.histories.get((cluster, f"host:{host}"), {}))
