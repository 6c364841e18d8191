"""GPU columns of one cluster, and the last few of each for sparklines."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from crashcart.backends.model import GpuRows

REMEMBERED_METRICS = frozenset({"util_percent", "memory_used_bytes", "temperature_celsius", "power_watts"})
REMEMBERED_COLUMNS = 60
REMEMBERED_BYTES = 16 << 20
"""Bounds of what is remembered of a cluster's columns, for sparklines: 60 of each, fewer on a very large cluster."""


@dataclass(slots=True)
class GpuTable:
    """GPU columns of one cluster and source, in the row order of `rows`."""

    rows: GpuRows
    offsets: dict[str, int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    columns: dict[str, memoryview[float]] = field(default_factory=dict)
    when: dict[str, float] = field(default_factory=dict)
    owners: tuple[str, ...] = ()
    past: dict[str, deque[tuple[float, memoryview[float]]]] = field(default_factory=dict)

    def owner(self, host: str, gpu: int) -> str:
        """Who has the GPU by its exporter's labels, `job:42` or `pod:NAMESPACE/NAME`; "" where no label says."""
        if host not in self.offsets or not 0 <= gpu < self.counts[host] or not self.owners:
            return ""
        return self.owners[self.offsets[host] + gpu]

    def recent(self, metric: str, host: str, gpu: int) -> list[tuple[float, float]]:
        """(time, value) of the samples that are still held, oldest first; values may be NaN."""
        if host not in self.offsets or not 0 <= gpu < self.counts[host]:
            return []
        row = self.offsets[host] + gpu
        return [(when, column[row]) for when, column in self.past.get(metric, ())]

    def remember(self, metric: str, when: float, column: memoryview[float]) -> None:
        """Hold a column for `recent`; columns are shared with the frame they came in, so this copies nothing."""
        if metric not in REMEMBERED_METRICS or not column.nbytes:
            return
        most = max(2, min(REMEMBERED_COLUMNS, REMEMBERED_BYTES // (column.nbytes * len(REMEMBERED_METRICS))))
        held = self.past.setdefault(metric, deque(maxlen=most))
        if not held or held[-1][0] != when:
            held.append((when, column))

    def value(self, metric: str, host: str, gpu: int) -> float | None:
        """One sample; None where it is missing (NaN) or not measured at all."""
        column = self.columns.get(metric)
        if column is None or host not in self.offsets or not 0 <= gpu < self.counts[host]:
            return None
        sample: float = column[self.offsets[host] + gpu]
        return None if math.isnan(sample) else sample

    def sample_time(self, metric: str, host: str, gpu: int) -> float | None:
        """When the sample was true, Unix seconds."""
        when = self.when.get(metric)
        if when is None:
            return None
        return when - (self.value("age_seconds", host, gpu) or 0.0)
