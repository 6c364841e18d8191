"""Which GPU columns there are, and how often each changes: what seldom changes is seldom sent."""

from __future__ import annotations

FAST = ("util_percent", "power_watts", "sm_clock_mhz")
SLOW = (
    "temperature_celsius",
    "temperature_margin_celsius",
    "memory_temperature_celsius",
    "tensor_percent",
    "nvlink_bytes_per_second",
    "pcie_bytes_per_second",
)
BY_LOAD = ("memory_used_bytes", "throttle_reasons")
"""Depend on the load alone."""
BY_GPU = (
    "memory_total_bytes",
    "memory_clock_mhz",
    "power_limit_watts",
    "xid",
    "ecc_corrected",
    "ecc_uncorrected",
    "remapped_correctable",
    "remapped_uncorrectable",
    "remap_failure",
    "pcie_replays",
)
"""A GPU's own, whatever it does."""
READINGS = (*FAST, *SLOW, *BY_LOAD, *BY_GPU)
METRICS = (*READINGS, "age_seconds")

FAST_SECONDS = 2.0
SLOW_SECONDS = 30.0
PACE = {**dict.fromkeys(FAST, FAST_SECONDS), **dict.fromkeys(SLOW, SLOW_SECONDS)}
"""Seconds for which a value stays as it is; a metric that is not here has one value a load."""

WHOLE_NUMBERS = frozenset(
    {"util_percent", "tensor_percent", "temperature_celsius", "memory_temperature_celsius", "sm_clock_mhz"}
)
