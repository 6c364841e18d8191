"""What the heatmap can show of a GPU, and on which scale."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from . import words

LEVELS = 8
BARS = "▁▂▃▄▅▆▇▇"
"""A glyph for each level; none fills its cell, or rows of busy GPUs would run together."""

APPLICATION_XIDS = frozenset((13, 31, 43, 45, 63, 94))
"""Xids that a program causes or that NVIDIA's catalogue answers with "restart the application" or "ignore"."""

HARDWARE_SLOWDOWN = 0x8 | 0x40 | 0x80
"""NVML clocks-event-reason bits: hardware slowdown, hardware thermal slowdown, hardware power brake."""


@dataclass(frozen=True, slots=True)
class HeatMetric:
    """One metric. `column` is the store's name of it; `low` and `high` are the ends of the scale."""

    id: str
    title: str
    column: str | None
    ramp: str  # "load": high is good or harmless; "heat": high is not
    low: float
    high: float
    text: Callable[[float], str]

    def level(self, value: float) -> int:
        """0 to 7."""
        return max(0, min(LEVELS - 1, int((value - self.low) * LEVELS / (self.high - self.low))))


def throttle_words(mask: float) -> str:
    """What holds the clock down, in words."""
    bits = int(mask)
    if bits & HARDWARE_SLOWDOWN:
        return "hardware slowdown"
    if bits & 0x20:
        return "thermal slowdown"
    if bits & 0x4:
        return "power cap"
    return "not throttled" if bits in (0, 1) else f"clock limited (0x{bits:x})"


def xid_role(xid: float) -> str:
    """How bad an Xid is: `ok` for none, `warn` for those of programs, else `crit`."""
    if xid == 0:
        return "ok"
    return "warn" if int(xid) in APPLICATION_XIDS else "crit"


def throttle_role(mask: float) -> str:
    """How bad throttling is: a power cap is normal under load, a hardware slowdown is a fault."""
    bits = int(mask)
    if bits & HARDWARE_SLOWDOWN:
        return "crit"
    return "warn" if bits & 0x20 else "ok"


METRICS: tuple[HeatMetric, ...] = (
    HeatMetric("allocation", "Allocation", None, "load", 0, 1, str),
    HeatMetric("util", "Utilisation", "util_percent", "load", 0, 100, lambda v: f"{v:.0f} %"),
    HeatMetric("memory", "Memory", "memory_used_bytes", "load", 0, 1, words.size),
    HeatMetric("temperature", "Temperature", "temperature_celsius", "heat", 25, 90, lambda v: f"{v:.0f} °C"),
    HeatMetric("power", "Power", "power_watts", "heat", 50, 700, lambda v: f"{v:.0f} W"),
    HeatMetric("xid", "Xid", "xid", "heat", 0, 1, lambda v: f"Xid {v:.0f}" if v else "no Xid"),
    HeatMetric("throttle", "Throttling", "throttle_reasons", "heat", 0, 1, throttle_words),
    HeatMetric("age", "Sample age", "age_seconds", "heat", 0, 60, words.age),
)
