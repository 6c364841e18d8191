"""Which GPUs a host no longer reports while it reports others."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import defaultdict

from .gpu_table import GpuTable

VITAL = ("util_percent", "temperature_celsius", "memory_used_bytes", "power_watts")
"""What every GPU that is there has; one that has none of them is not there."""


def missing_rows(table: GpuTable) -> dict[str, frozenset[int]]:
    """Host to the GPUs that have no sample of anything vital, where others of the host have some."""
    vital = [table.columns[metric] for metric in VITAL if metric in table.columns]
    if not vital or not math.isnan(sum(vital[0])):
        return {}
    blank = [row for row, value in enumerate(vital[0]) if value != value]  # noqa: PLR0124 - finds NaN
    hosts, starts = list(table.offsets), list(table.offsets.values())
    by_host: dict[str, list[int]] = defaultdict(list)
    for row in blank:
        by_host[hosts[bisect_right(starts, row) - 1]].append(row)
    found: dict[str, frozenset[int]] = {}
    for host, rows in by_host.items():
        first, count = table.offsets[host], table.counts[host]
        gone = [row - first for row in rows if all(math.isnan(column[row]) for column in vital)]
        if 0 < len(gone) < count:
            found[host] = frozenset(gone)
    return found
