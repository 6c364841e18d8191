"""What the heatmap can show of a GPU, and on which scale."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import lru_cache

from crashcart.ops.xid import decode

from . import words
from .shown import Shown

LEVELS = 8
BARS = "▁▂▃▄▅▆▇▇"
"""A glyph for each level; none fills its cell, or rows of busy GPUs would run together."""

HARDWARE_SLOWDOWN = 0x8 | 0x40 | 0x80
"""NVML clocks-event-reason bits: hardware slowdown, hardware thermal slowdown, hardware power brake."""

THROTTLE_BITS: tuple[tuple[int, str], ...] = (
    (0x8, "hardware slowdown"),
    (0x40, "hardware thermal slowdown"),
    (0x80, "power brake"),
    (0x20, "thermal slowdown"),
    (0x4, "power cap"),
    (0x10, "sync boost"),
    (0x2, "clocks set by an application"),
    (0x100, "display clock setting"),
    (0x1, "idle"),
)
"""NVML's bits in words, worst first (nvmlClocksEventReasons)."""


@dataclass(frozen=True, slots=True)
class HeatMetric:
    """One metric. `columns` are the store's names of what it is made of, all optional but the first; without any it
    needs no telemetry. `low` and `high` are the ends of its scale, unless `of` names a column it is a share of.
    A metric with `fault` has no scale: it tells from the columns' values (NaN: not known) how bad it is.
    """

    id: str
    title: str
    columns: tuple[str, ...]
    ramp: str  # "load": high is good or harmless; "heat": high is not
    low: float
    high: float
    text: Callable[[float], str]
    of: str | None = None
    fault: Callable[..., str] | None = None
    worse: tuple[str, str] = ("", "")  # of a fault: what ▲ and ✕ mean

    @property
    def column(self) -> str | None:
        """The column whose value is said in words."""
        return self.columns[0] if self.columns else None

    def level(self, value: float) -> int:
        """0 to 7."""
        return max(0, min(LEVELS - 1, int((value - self.low) * LEVELS / (self.high - self.low))))


def throttle_reasons(mask: float) -> list[str]:
    """Everything that holds the clock down, worst first."""
    bits = int(mask)
    known = [text for bit, text in THROTTLE_BITS if bits & bit]
    rest = bits & ~sum(bit for bit, _ in THROTTLE_BITS)
    return [*known, *([f"bits 0x{rest:x}"] if rest else [])]


def throttle_words(mask: float) -> str:
    """The worst of what holds the clock down, in words."""
    reasons = [reason for reason in throttle_reasons(mask) if reason != "idle"]
    return reasons[0] if reasons else "not throttled"


@lru_cache(maxsize=256)
def xid_role(xid: float) -> str:
    """How bad an Xid is: `ok` for none, `crit` for what is fatal or in no table, else `warn`."""
    if xid == 0:
        return "ok"
    return "crit" if decode(int(xid)).severity in ("fatal", "unknown") else "warn"


def throttle_role(mask: float) -> str:
    """How bad throttling is: a power cap is normal under load, a hardware slowdown is a fault."""
    bits = int(mask)
    if bits & HARDWARE_SLOWDOWN:
        return "crit"
    return "warn" if bits & 0x20 else "ok"


def ecc_role(uncorrected: float, corrected: float) -> str:
    """Corrected errors are what ECC is for; uncorrected ones cost data."""
    return "crit" if uncorrected > 0 else "ok"


def remap_role(failure: float, uncorrectable: float) -> str:
    """A failed remapping is for the vendor; rows remapped after an uncorrectable error wait for a reset."""
    if failure > 0:
        return "crit"
    return "warn" if uncorrectable > 0 else "ok"


def _xid(value: float) -> str:
    return f"last Xid {value:.0f}" if value else "no Xid"


METRICS: tuple[HeatMetric, ...] = (
    HeatMetric("allocation", "Allocation", (), "load", 0, 1, str),
    HeatMetric("util", "Utilisation", ("util_percent",), "load", 0, 100, lambda v: f"{v:.0f} %"),
    HeatMetric("tensor", "Tensor cores", ("tensor_percent",), "load", 0, 100, lambda v: f"{v:.0f} %"),
    HeatMetric("memory", "Memory", ("memory_used_bytes",), "load", 0, 80 << 30, words.size, "memory_total_bytes"),
    HeatMetric("temperature", "Temperature", ("temperature_celsius",), "heat", 25, 90, lambda v: f"{v:.0f} °C"),
    HeatMetric(
        "margin", "Margin to slowdown", ("temperature_margin_celsius",), "heat", 50, 0, lambda v: f"{v:.0f} °C left"
    ),
    HeatMetric("power", "Power", ("power_watts",), "heat", 50, 700, lambda v: f"{v:.0f} W", "power_limit_watts"),
    HeatMetric(
        "xid", "Last Xid", ("xid",), "heat", 0, 1, _xid, fault=xid_role, worse=("of a program", "fatal, or unknown")
    ),
    HeatMetric(
        "throttle",
        "Throttling",
        ("throttle_reasons",),
        "heat",
        0,
        1,
        throttle_words,
        fault=throttle_role,
        worse=("thermal", "hardware"),
    ),
    HeatMetric(
        "ecc",
        "ECC errors",
        ("ecc_uncorrected", "ecc_corrected"),
        "heat",
        0,
        1,
        lambda v: f"{v:.0f} uncorrected",
        fault=ecc_role,
        worse=("", "uncorrected"),
    ),
    HeatMetric(
        "remap",
        "Row remapping",
        ("remap_failure", "remapped_uncorrectable"),
        "heat",
        0,
        1,
        lambda v: "failed" if v else "no failure",
        fault=remap_role,
        worse=("reset pending", "failed"),
    ),
    HeatMetric("age", "Sample age", ("age_seconds",), "heat", 0, 60, words.age),
)


def offered(exported: Collection[str]) -> tuple[HeatMetric, ...]:
    """The metrics that can be shown where these columns are exported; the allocation always can."""
    return tuple(m for m in METRICS if not m.columns or any(name in exported for name in m.columns))


def exported(shown: Shown) -> frozenset[str]:
    """Columns that some source of the chosen clusters has."""
    tables = (table for cluster, table in shown.store.gpus.items() if shown.cluster in (None, cluster))
    return frozenset(name for table in tables for name in table.columns)
