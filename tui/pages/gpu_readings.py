"""Every reading of one GPU that some source exports, each with its age; those that have a past with a sparkline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from crashcart.ops.gpu_table import GpuTable
from crashcart.ops.series import gpu_samples
from crashcart.tui import words
from crashcart.tui.cells import Span
from crashcart.tui.heat_metrics import ecc_role, remap_role, throttle_reasons, throttle_role
from crashcart.tui.shown import Shown

from .gpu_lines import is_hot
from .page import Page
from .trend_lines import Said, Trend, trend

NAN = float("nan")
NAMED = {
    "tensor_percent": "tensor cores",
    "temperature_margin_celsius": "margin to slowdown",
    "power_limit_watts": "power limit",
    "throttle_reasons": "throttling",
    "ecc_uncorrected": "ECC",
    "remap_failure": "row remapping",
    "nvlink_bytes_per_second": "NVLink traffic",
    "pcie_bytes_per_second": "PCIe traffic",
}
"""What is said to be missing when it is not exported."""


@dataclass(frozen=True, slots=True)
class Readings:
    """One GPU's row of a table, read at one moment."""

    shown: Shown
    table: GpuTable
    key: str
    host: str
    gpu: int
    role: str  # of what is well: "stale" where it may no longer be true

    def value(self, metric: str) -> float | None:
        """The sample, None where there is none."""
        return self.table.value(metric, self.host, self.gpu)

    def age(self, metric: str) -> float | None:
        """Seconds since the sample was true."""
        when = self.table.sample_time(metric, self.host, self.gpu)
        return None if when is None else self.shown.scene.now - when

    def text(self, metric: str, say: Callable[[float], str]) -> str:
        """The sample in words."""
        value = self.value(metric)
        return words.UNKNOWN if value is None else say(value)


def readings(page: Page, shown: Shown, key: str, host: str, gpu: int, width: int) -> None:
    """Add the section to the page of GPU `gpu` of the node `cluster/name`."""
    table = shown.store.gpus[key.partition("/")[0]]
    state = shown.joins.gpus.state(key, gpu, shown.scene.now)
    read = Readings(shown, table, key, host, gpu, "text" if state == "live" else "stale")
    metric = next((name for name in ("util_percent", *table.columns) if name in table.columns), "")
    note = "" if state == "live" else f"; {state}: last known values"
    page.heading("Readings", f"from {table.source_of(host)}, {words.age(read.age(metric))} old{note}")
    _trends(page, read, width)
    _throttling(page, read)
    _memory_faults(page, read)
    _links(page, read)
    absent = [text for name, text in NAMED.items() if name not in table.columns]
    if absent:
        page.text("Not exported", ", ".join(absent), width, "faint")


def _trends(page: Page, read: Readings, width: int) -> None:
    total, limit = read.value("memory_total_bytes"), read.value("power_limit_watts")
    margin = read.value("temperature_margin_celsius")
    of_total = f" of {words.size(total)}" if total else ""
    of_limit = f" of {limit:.0f}" if limit else ""
    left = f", {margin:.0f}° left" if margin is not None else ""
    hot = read.role == "text" and is_hot(read.shown, read.key, read.gpu)
    rows: tuple[tuple[str, str, str, Trend], ...] = (
        ("Utilisation", "util_percent", "", Trend(_percent, 0, 100)),
        ("Tensor cores", "tensor_percent", "", Trend(_percent, 0, 100)),
        ("Memory", "memory_used_bytes", of_total, Trend(words.size, 0, total)),
        ("Temperature", "temperature_celsius", left, Trend(lambda v: f"{v:.0f}°", 20, 95)),
        ("Memory temp.", "memory_temperature_celsius", "", Trend(lambda v: f"{v:.0f}°", 20, 105)),
        ("Power", "power_watts", of_limit, Trend(lambda v: f"{v:.0f}W", 0, limit)),
        ("Clock", "sm_clock_mhz", " MHz", Trend(lambda v: f"{v:,.0f}", 0, None)),
    )
    for label, metric, more, scale in rows:
        if metric not in read.table.columns:
            continue
        samples = gpu_samples(read.shown.store, read.table.rows.cluster, read.host, read.gpu, metric)
        value = read.text(metric, scale.text) + (more if read.value(metric) is not None else "")
        role = "crit" if hot and metric == "temperature_celsius" else read.role
        said = Said(label, value, read.age(metric), role)
        trend(page, said, samples, scale, read.shown.scene.now, width)


def _percent(value: float) -> str:
    return f"{value:.0f}%"


def _throttling(page: Page, read: Readings) -> None:
    """Bit by bit: more than one reason may hold the clock down."""
    mask = read.value("throttle_reasons")
    if mask is None:
        return
    reasons = throttle_reasons(mask) or ["not throttled"]
    for number, reason in enumerate(reasons):
        role = throttle_role(mask) if number == 0 else "ok"
        page.pair("Throttling" if number == 0 else "", (reason, read.role if role == "ok" else role))


def _memory_faults(page: Page, read: Readings) -> None:
    if read.value("ecc_uncorrected") is not None or read.value("ecc_corrected") is not None:
        bad = ecc_role(read.value("ecc_uncorrected") or 0.0, NAN)
        spans: tuple[Span, ...] = (
            (f"{words.count(read.value('ecc_uncorrected'))} uncorrected", read.role if bad == "ok" else bad),
            (f"   {words.count(read.value('ecc_corrected'))} corrected", "muted"),
        )
        page.pair("ECC errors", *spans)
    failure, uncorrectable = read.value("remap_failure"), read.value("remapped_uncorrectable")
    if failure is None and uncorrectable is None:
        return
    role = remap_role(failure or 0.0, uncorrectable or 0.0)
    said = {
        "ok": "none pending",
        "warn": "a reset of the GPU is pending until it takes effect",
        "crit": "failed: no spare rows left, the GPU is for replacement",
    }[role]
    page.pair(
        "Row remaps",
        (f"{words.count(uncorrectable)} uncorrectable", read.role if role == "ok" else role),
        (f"   {words.count(read.value('remapped_correctable'))} correctable", "muted"),
        (f"   {said}", "muted" if role == "ok" else role),
    )


def _links(page: Page, read: Readings) -> None:
    for label, rate, errors, word in (
        ("NVLink", "nvlink_bytes_per_second", "nvlink_errors", "errors"),
        ("PCIe", "pcie_bytes_per_second", "pcie_replays", "replays"),
    ):
        if read.value(rate) is None and read.value(errors) is None:
            continue
        total = read.value(errors)
        told = [(f"{read.text(rate, words.size)}/s   ", read.role)] if read.value(rate) is not None else []
        count = f"{words.count(total)} {word}" if total is not None else f"{word} not exported"
        page.pair(label, *told, (count, "warn" if total else "muted"))
