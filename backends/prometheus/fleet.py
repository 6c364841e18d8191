"""Which machine and GPU each row is, and every column's last values; rows are only ever added.

It outlives a feed: after a failure the next one goes on with the rows and values of the one before, so that what died
meanwhile stays on the map with its last values.
"""

from __future__ import annotations

import re
import time
from array import array
from collections.abc import Iterable

from crashcart.backends.metrics import Metric
from crashcart.backends.text import NODE_NAME, clean

MOST_GPUS = 128
"""GPU indexes of one machine from here on are not believed: a label may hold any number, and rows cost memory."""

NAN = float("nan")
Key = tuple[str, ...]
"""Values of the row's labels as they came: machine labels, then GPU labels."""

_PORT = re.compile(r"(.+?):[0-9]{1,5}\Z")
_INDEX = re.compile(r"[A-Za-z]*([0-9]{1,4})\Z")
_MOST_STRANGERS = 1000
_DIGITS = re.compile(r"([0-9]+)")


def host_of(label: str) -> str | None:
    """The machine that a label names, without a port; None where it is no name of a node."""
    found = _PORT.match(label)
    host = found.group(1) if found else label
    return host if NODE_NAME.match(host) else None


def index_of(label: str) -> int | None:
    """The GPU that a label names (`3`, `nvidia3`); None where it is no index."""
    found = _INDEX.match(label)
    index = int(found.group(1)) if found else MOST_GPUS
    return index if index < MOST_GPUS else None


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sorts gpu2 before gpu10."""
    return tuple(
        (0, int(part), "") if part.isdigit() and part.isascii() else (1, 0, part)
        for part in _DIGITS.split(name)
        if part
    )


def same_machine(one: str, other: str) -> bool:
    """Whether two names may be of one machine: equal, or one of them is the other without its domain."""
    short = one.partition(".")[0]
    return one == other or (other.partition(".")[0] == short and short in (one, other))


class Fleet:
    """Machines in natural order, the rows of each, and columns over all rows."""

    def __init__(self) -> None:
        self.generation = int(time.time() * 1000.0)  # never that of a collector before us
        self.told = (0, 0.0)  # generation and bounds of the rows that readers have
        self.hosts: tuple[str, ...] = ()
        self.counts: dict[str, int] = {}
        self.offsets: dict[str, int] = {}
        self.columns: dict[Metric, array[float]] = {}
        self.raw_hosts: dict[str, tuple[str, str]] = {}  # host -> label that names it, and its value there
        self.reported = bytearray()  # by row: whether its machine named this GPU when it last answered
        self.stray_rows = 0  # of the last answer that tells who is there: rows that name no machine or GPU
        self.strangers: set[str] = set()  # names that are no machine or GPU: counted, never shown as one
        self._rows: dict[Key, int] = {}
        self._places: dict[Key, tuple[str, int]] = {}
        self._labels: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())

    @property
    def size(self) -> int:
        """Number of rows."""
        return sum(self.counts.values())

    def name_rows_by(self, hosts: tuple[str, ...], gpus: tuple[str, ...]) -> None:
        """Keys hold the values of these labels from now on; rows stay as they are."""
        if (hosts, gpus) != self._labels:
            self._labels = (hosts, gpus)
            self._rows.clear()
            self._places.clear()

    def place(self, keys: list[Key]) -> tuple[list[int], bool]:
        """The row of each key (-1 for none of ours), and whether rows were added for it: then columns have moved."""
        rows = list(map(self._rows.get, keys))
        if None not in rows:
            return rows, False  # type: ignore[return-value]
        grown = self._learn({key for key, row in zip(keys, rows, strict=True) if row is None})
        return [self._rows[key] for key in keys], grown

    def spans(self) -> Iterable[tuple[str, int, int]]:
        """(host, first row, row after its last) of each machine."""
        for host in self.hosts:
            start = self.offsets[host]
            yield host, start, start + self.counts[host]

    def blank(self) -> array[float]:
        """A column with nothing in it."""
        return array("f", [NAN]) * self.size

    def column(self, metric: Metric) -> array[float]:
        """The last values of a metric, all missing where it was never read."""
        found = self.columns.get(metric)
        return self.blank() if found is None else found

    def unreported(self) -> Iterable[int]:
        """Rows of GPUs that their machines no longer name."""
        row = self.reported.find(0)
        while row >= 0:
            yield row
            row = self.reported.find(0, row + 1)

    def find(self, name: str) -> str | None:
        """Our name of the machine that somebody else calls `name`: the same, or equal up to the domain."""
        if name in self.counts:
            return name
        found = [host for host in self.hosts if same_machine(host, name)]
        return found[0] if len(found) == 1 else None

    def _learn(self, keys: set[Key]) -> bool:
        counts = dict(self.counts)
        for key in keys:
            place = self._place_of(key)
            if place is None:
                self._rows[key] = -1
                continue
            host, index = place
            self._places[key] = place
            counts[host] = max(counts.get(host, 0), index + 1)
        grown = counts != self.counts
        if grown:
            self._lay_out(counts)
        for key, (host, index) in self._places.items():
            self._rows[key] = self.offsets[host] + index
        return grown

    def _place_of(self, key: Key) -> tuple[str, int] | None:
        hosts, _ = self._labels
        label = next(((name, value) for name, value in zip(hosts, key, strict=False) if value), None)
        gpu = next((value for value in key[len(hosts) :] if value), None)
        host = None if label is None else host_of(label[1])
        index = None if gpu is None else index_of(gpu)
        if label is None or host is None or index is None:
            if len(self.strangers) < _MOST_STRANGERS:
                self.strangers.add(clean(f"{label[1] if label else ''} {gpu or ''}".strip() or "(no label)", limit=80))
            return None
        self.raw_hosts[host] = label
        return host, index

    def _lay_out(self, counts: dict[str, int]) -> None:
        """Give every machine its rows anew and move the values there."""
        before, old_counts = self.offsets, self.counts
        hosts = tuple(sorted(counts, key=natural))
        offsets: dict[str, int] = {}
        total = 0
        for host in hosts:
            offsets[host] = total
            total += counts[host]
        reported = bytearray(b"\1") * total
        for host, start in before.items():
            reported[offsets[host] : offsets[host] + old_counts[host]] = self.reported[start : start + old_counts[host]]
        self.reported = reported
        for metric, old in self.columns.items():
            moved = array("f", [NAN]) * total
            for host, start in before.items():
                size = old_counts[host]
                moved[offsets[host] : offsets[host] + size] = old[start : start + size]
            self.columns[metric] = moved
        self.hosts, self.counts, self.offsets = hosts, {host: counts[host] for host in hosts}, offsets
        self.generation += 1
