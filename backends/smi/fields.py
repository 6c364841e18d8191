"""What nvidia-smi is asked for: named fields, because its other output may change with any driver."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from crashcart.backends.metrics import Metric

MIB = float(1 << 20)

FIELDS = (
    "index",
    "pci.bus_id",
    "utilization.gpu",
    "memory.used",
    "memory.total",
    "temperature.gpu",
    "temperature.memory",
    "temperature.gpu.tlimit",
    "power.draw",
    "power.limit",
    "clocks.current.sm",
    "clocks.current.memory",
    "clocks_event_reasons.active",
    "ecc.errors.corrected.volatile.total",
    "ecc.errors.uncorrected.volatile.total",
    "remapped_rows.correctable",
    "remapped_rows.uncorrectable",
    "remapped_rows.failure",
)
"""In the order they are asked for; answers are told apart by their place."""

OTHER_NAMES: Mapping[str, str] = {
    "clocks_event_reasons.active": "clocks_throttle_reasons.active",
    "power.draw": "power.draw.average",
}
"""What a field is called by other drivers."""

METRICS: Mapping[str, tuple[Metric, float]] = {
    "utilization.gpu": ("util_percent", 1.0),
    "memory.used": ("memory_used_bytes", MIB),
    "memory.total": ("memory_total_bytes", MIB),
    "temperature.gpu": ("temperature_celsius", 1.0),
    "temperature.memory": ("memory_temperature_celsius", 1.0),
    "temperature.gpu.tlimit": ("temperature_margin_celsius", 1.0),
    "power.draw": ("power_watts", 1.0),
    "power.draw.average": ("power_watts", 1.0),
    "power.limit": ("power_limit_watts", 1.0),
    "clocks.current.sm": ("sm_clock_mhz", 1.0),
    "clocks.current.memory": ("memory_clock_mhz", 1.0),
    "clocks_event_reasons.active": ("throttle_reasons", 1.0),
    "clocks_throttle_reasons.active": ("throttle_reasons", 1.0),
    "ecc.errors.corrected.volatile.total": ("ecc_corrected", 1.0),
    "ecc.errors.uncorrected.volatile.total": ("ecc_uncorrected", 1.0),
    "remapped_rows.correctable": ("remapped_correctable", 1.0),
    "remapped_rows.uncorrectable": ("remapped_uncorrectable", 1.0),
    "remapped_rows.failure": ("remap_failure", 1.0),
}

_REFUSED = re.compile(r'Field "([^"\n]{1,80})" is not a valid field to query')


def argv(fields: Sequence[str], seconds: float) -> tuple[str, ...]:
    """The command. It ends itself: with a sick driver nvidia-smi hangs, and goes on when the link is closed."""
    query = f"--query-gpu={','.join(fields)}"
    return ("timeout", f"{seconds:g}", "nvidia-smi", query, "--format=csv,noheader,nounits")


def without_refused(fields: Sequence[str], said: str) -> tuple[str, ...] | None:
    """The fields without those that this driver does not know, or with their other names; None when all were known."""
    refused = set(_REFUSED.findall(said)) & set(fields)
    if not refused:
        return None
    kept = ((OTHER_NAMES.get(name) if name in refused else name) for name in fields)
    return tuple(name for name in kept if name is not None)
