"""GPUs of one cluster that several sources measure: every host is read from the best source that really has it now.

Readers see one table whatever the number of sources. With one source it is that source's own and nothing is copied;
with several, rows of each host are copied from the source that has the host, column by column as they come.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple

from crashcart.backends.model import GpuColumn, GpuOwners, GpuRows

from .gpu_missing import VITAL
from .gpu_table import GpuTable

ORDER = {"nvml": 0, "smi": 2}
"""Who is asked first of a host: its own driver, then exporters (1), then what is asked over SSH when they fail."""

NAN = float("nan")
_combined_generations = count(-1, -1)  # never one of a feed's


class Piece(NamedTuple):
    """Neighbouring rows of one source, and where they are in the combined table."""

    source: str
    first: int
    start: int
    rows: int


@dataclass(slots=True)
class CombinedTable(GpuTable):
    """Rows of several sources in one order; times and the past stay those of each host's own source."""

    parts: dict[str, GpuTable] = field(default_factory=dict)
    pieces: tuple[Piece, ...] = ()
    measured_by: dict[str, str] = field(default_factory=dict)
    joined: dict[tuple[str, int], memoryview[float]] = field(default_factory=dict)  # (metric, samples back)

    @property
    def sources(self) -> frozenset[str]:
        """Names of all sources that some host is read from."""
        return frozenset(self.measured_by.values())

    def source_of(self, host: str) -> str:
        """Who measures the GPUs of this host; "" where nobody does."""
        return self.measured_by.get(host, "")

    def stale_after(self, host: str) -> float:
        """Age in seconds from which a sample of this host is not painted as a value."""
        return self._part(host).rows.stale_after_seconds

    def recent(self, metric: str, host: str, gpu: int) -> list[tuple[float, float]]:
        """(time, value) of the samples that are still held by the host's source, oldest first."""
        return self._part(host).recent(metric, host, gpu) if host in self.measured_by else []

    def sample_time(self, metric: str, host: str, gpu: int) -> float | None:
        """When the sample was true, Unix seconds."""
        return self._part(host).sample_time(metric, host, gpu) if host in self.measured_by else None

    def earlier(self, metric: str, number: int) -> list[memoryview[float]]:
        """Up to `number` columns before the newest one, the latest first; NaN where a source holds none so old."""
        held = {name: part.earlier(metric, number) for name, part in self.parts.items()}
        depth = max(len(columns) for columns in held.values())
        for back in range(depth):
            if (metric, back) not in self.joined:
                there = {name: columns[back] for name, columns in held.items() if back < len(columns)}
                self.joined[metric, back] = self._join(there)
        return [self.joined[metric, back] for back in range(depth)]

    def snapshot(self) -> CombinedTable:
        """A table that no longer changes; columns are replaced whole, so shallow copies do."""
        held = GpuTable.snapshot(self)
        assert isinstance(held, CombinedTable)  # noqa: S101 - `replace` keeps the class
        held.parts = {name: part.snapshot() for name, part in self.parts.items()}
        held.joined = {}
        return held

    def take_column(self, metric: str) -> None:
        """Copy what each source says of this metric now."""
        columns = {name: part.columns[metric] for name, part in self.parts.items() if metric in part.columns}
        self.columns[metric] = self._join(columns)
        self.when[metric] = max(part.when[metric] for name, part in self.parts.items() if name in columns)
        for slot in [slot for slot in self.joined if slot[0] == metric]:
            del self.joined[slot]

    def take_owners(self) -> None:
        """Copy who has each GPU by each source."""
        if not any(part.owners for part in self.parts.values()):
            self.owners = ()
            return
        owners: list[str] = []
        for source, first, _, rows in self.pieces:
            held = self.parts[source].owners
            owners += held[first : first + rows] if held else [""] * rows
        self.owners = tuple(owners)

    def _part(self, host: str) -> GpuTable:
        return self.parts[self.measured_by[host]]

    def _join(self, columns: dict[str, memoryview[float]]) -> memoryview[float]:
        joined: memoryview[float] = memoryview(array("f", [NAN]) * sum(self.counts.values()))
        for source, first, start, rows in self.pieces:
            if source in columns:
                joined[start : start + rows] = columns[source][first : first + rows]
        return joined


class GpuSources:
    """What each source says of the GPUs of one cluster, and `shown`, the one table for all readers."""

    def __init__(self) -> None:
        self.tables: dict[str, GpuTable] = {}
        self.shown: GpuTable | None = None
        self._measured_by: dict[str, str] = {}

    def take_rows(self, rows: GpuRows, is_live: Callable[[str], bool]) -> bool:
        """Take a new row index in; return whether anything changed."""
        old = self.tables.get(rows.source)
        if old is not None and old.rows == rows:
            return False
        table = self.tables[rows.source] = GpuTable(rows)
        offset = 0
        for host, number in zip(rows.hosts, rows.counts, strict=True):
            table.offsets[host], table.counts[host] = offset, number
            offset += number
        self._arrange(is_live)
        return True

    def take_column(self, column: GpuColumn) -> bool:
        """Take a column in; return False when it belongs to no rows that are known."""
        table = self._table(column)
        if table is None:
            return False
        values = memoryview(column.values).cast("f")
        table.columns[column.metric] = values
        table.when[column.metric] = column.when
        table.remember(column.metric, column.when, values)
        if isinstance(self.shown, CombinedTable):
            self.shown.take_column(column.metric)
        return True

    def take_owners(self, owners: GpuOwners) -> bool:
        """Take in who has each GPU by the source's labels; return whether that is new."""
        table = self._table(owners)
        if table is None or table.owners == owners.owners:
            return False
        table.owners = owners.owners
        if isinstance(self.shown, CombinedTable):
            self.shown.take_owners()
        return True

    def judge(self, is_live: Callable[[str], bool]) -> bool:
        """Choose again who measures each host, as sources come and fail; return whether that changed."""
        if not isinstance(self.shown, CombinedTable) or self._choose(is_live) == self._measured_by:
            return False
        self._arrange(is_live)
        return True

    def _table(self, told: GpuColumn | GpuOwners) -> GpuTable | None:
        table = self.tables.get(told.source)
        return table if table is not None and table.rows.generation == told.generation else None

    def _told(self) -> list[tuple[str, GpuTable]]:
        """Sources that have any host, best first."""
        told = [(name, table) for name, table in self.tables.items() if table.offsets]
        return sorted(told, key=lambda item: (ORDER.get(item[0], 1), item[0]))

    def _arrange(self, is_live: Callable[[str], bool]) -> None:
        told = self._told()
        if len(told) < 2:
            self._measured_by = {}
            self.shown = told[0][1] if told else next(iter(self.tables.values()), None)
            return
        self._measured_by = self._choose(is_live)
        self.shown = _combined(dict(told), self._measured_by)

    def _choose(self, is_live: Callable[[str], bool]) -> dict[str, str]:
        """Host to source. Where no source is good, the one that had it last keeps it: its last values are known."""
        told = self._told()
        live = {name for name, _ in told if is_live(name)}
        chosen: dict[str, str] = {}
        shared: dict[str, list[str]] = {}
        for name, table in told:
            for host in table.offsets:
                if host in chosen:
                    shared.setdefault(host, [chosen[host]]).append(name)
                else:
                    chosen[host] = name
        for host, names in shared.items():
            before = self._measured_by.get(host)
            good = [name for name in names if name in live and _has_fresh(self.tables[name], host)]
            chosen[host] = good[0] if good else before if before in names else names[0]
        return chosen


def _has_fresh(table: GpuTable, host: str) -> bool:
    """Whether the source has a sample of any GPU of the host that is not too old."""
    first, rows = table.offsets[host], table.counts[host]
    ages = table.columns.get("age_seconds")
    limit = table.rows.stale_after_seconds
    young = [row for row in range(first, first + rows) if ages is None or not ages[row] > limit]
    vital = [table.columns[metric] for metric in VITAL if metric in table.columns]
    return any(not math.isnan(column[row]) for column in vital for row in young)


def _combined(parts: dict[str, GpuTable], measured_by: dict[str, str]) -> CombinedTable:
    names = ", ".join(name for name in parts if name in measured_by.values())
    stale_after = max(part.rows.stale_after_seconds for part in parts.values())
    hosts = [(host, name) for name, part in parts.items() for host in part.offsets if measured_by[host] == name]
    counts = tuple(parts[name].counts[host] for host, name in hosts)
    cluster = next(iter(parts.values())).rows.cluster
    rows = GpuRows(names, cluster, next(_combined_generations), tuple(host for host, _ in hosts), counts, stale_after)
    table = CombinedTable(rows, parts=parts, measured_by=measured_by)
    start = 0
    for (host, _), number in zip(hosts, counts, strict=True):
        table.offsets[host], table.counts[host] = start, number
        start += number
    table.pieces = tuple(_pieces(parts, hosts))
    for metric in dict.fromkeys(metric for part in parts.values() for metric in part.columns):
        table.take_column(metric)
    table.take_owners()
    return table


def _pieces(parts: dict[str, GpuTable], hosts: list[tuple[str, str]]) -> Iterator[Piece]:
    """Runs of rows that are neighbours in their source and in the combined table, in order."""
    start, held = 0, None
    for host, name in hosts:
        first, rows = parts[name].offsets[host], parts[name].counts[host]
        if held is not None and held.source == name and held.first + held.rows == first:
            held = held._replace(rows=held.rows + rows)
        else:
            if held is not None:
                yield held
            held = Piece(name, first, start, rows)
        start += rows
    if held is not None:
        yield held
