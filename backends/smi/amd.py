"""Reads `amd-smi metric --json`: a number is `{"value": N, "unit": "W"}`, plain, or the text N/A."""

from __future__ import annotations

import math
from typing import Any

import msgspec

from crashcart.backends.errors import Malformed
from crashcart.backends.metrics import Metric

from .fields import MIB
from .parse import MOST_GPUS, NAN, Readings, number

ARGV = ("amd-smi", "metric", "--json")

_PATHS: tuple[tuple[Metric, tuple[str, ...], float], ...] = (
    ("util_percent", ("usage", "gfx_activity"), 1.0),
    ("memory_used_bytes", ("mem_usage", "used_vram"), MIB),
    ("memory_total_bytes", ("mem_usage", "total_vram"), MIB),
    ("temperature_celsius", ("temperature", "hotspot"), 1.0),
    ("temperature_celsius", ("temperature", "edge"), 1.0),
    ("memory_temperature_celsius", ("temperature", "mem"), 1.0),
    ("power_watts", ("power", "socket_power"), 1.0),
    ("ecc_corrected", ("ecc", "total_correctable_count"), 1.0),
    ("ecc_uncorrected", ("ecc", "total_uncorrectable_count"), 1.0),
    ("pcie_replays", ("pcie", "replay_count"), 1.0),
)
"""Where each number is; of two places the first that has one counts. The edge sensor is N/A on the MI300 class."""


def parse_metric(raw: bytes) -> Readings:
    """One node's GPUs. Raises Malformed."""
    try:
        told = msgspec.json.decode(raw)
    except msgspec.DecodeError as error:
        raise Malformed(f"amd-smi metric --json is no JSON: {error}") from error
    rows = told.get("gpu_data", told) if isinstance(told, dict) else told
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Malformed("amd-smi metric --json is no list of GPUs")
    found = Readings()
    for place, row in enumerate(rows[:MOST_GPUS]):
        index = row.get("gpu", place)
        if isinstance(index, int) and 0 <= index < MOST_GPUS:
            found.gpus[index] = _gpu(row)
    return found


def _gpu(row: dict[str, Any]) -> dict[Metric, float]:
    values: dict[Metric, float] = {}
    for metric, path, scale in _PATHS:
        if math.isnan(values.get(metric, NAN)):
            values[metric] = _at(row, path) * scale
    return values


def _at(row: Any, path: tuple[str, ...]) -> float:
    for name in path:
        row = row.get(name) if isinstance(row, dict) else None
    value = row.get("value") if isinstance(row, dict) else row
    return NAN if value is None or isinstance(value, bool) else number(str(value))
