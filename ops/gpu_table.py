"""GPU columns of one cluster, and the last few of each for sparklines."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field, replace
from itertools import islice

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

    @property
    def sources(self) -> frozenset[str]:
        """Names of all sources that some host is read from."""
        return frozenset((self.rows.source,))

    def source_of(self, host: str) -> str:
        """Who measures the GPUs of this host."""
        return self.rows.source

    def stale_after(self, host: str) -> float:
        """Age in seconds from which a sample of this host is not painted as a value."""
        return self.rows.stale_after_seconds

    def earlier(self, metric: str, number: int) -> list[memoryview[float]]:
        """Up to `number` columns before the newest one, the latest first."""
        return [column for _, column in islice(reversed(self.past.get(metric, ())), 1, 1 + number)]

    def snapshot(self) -> GpuTable:
        """A table that no longer changes; columns are replaced whole, so shallow copies do."""
        return replace(
            self,
            offsets=dict(self.offsets),
            counts=dict(self.counts),
            columns=dict(self.columns),
            when=dict(self.when),
            past={metric: deque(columns, columns.maxlen) for metric, columns in self.past.items()},
        )

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
