"""What is known of nodes beyond one look: their last numbers, the fields their drivers know, who has not answered."""

from __future__ import annotations

from array import array
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import get_args

from crashcart.backends.metrics import Metric

from .fields import FIELDS
from .parse import NAN, Readings

METRICS: tuple[Metric, ...] = get_args(Metric)


@dataclass(slots=True)
class NodeMemory:
    """One node. `read_at` is when its numbers were true, Unix seconds; `xids` is None where its log is not readable."""

    tool: str = ""
    fields: tuple[str, ...] = ()
    readings: Readings = field(default_factory=Readings)
    count: int = 0
    read_at: float | None = None
    trouble: str = ""
    xids: dict[str, float] | None = None
    xids_read_at: float = float("-inf")
    buses: dict[int, str] = field(default_factory=dict)

    def take(self, found: Readings, when: float) -> None:
        """Take a look in. A lost GPU keeps its row."""
        self.readings, self.read_at, self.trouble = found, when, ""
        self.count = max(self.count, found.count)
        self.buses |= found.buses

    def value(self, metric: Metric, gpu: int, now: float) -> float:
        """One number; NaN where it is not known."""
        values = self.readings.gpus.get(gpu)
        if metric == "age_seconds":
            return NAN if values is None or self.read_at is None else max(0.0, now - self.read_at)
        if metric == "xid":
            return NAN if self.xids is None else self.xids.get(self.buses.get(gpu, ""), 0.0)
        return NAN if values is None else values.get(metric, NAN)


class Memory:
    """All nodes that were asked, and the rows that were made of them."""

    def __init__(self) -> None:
        self.nodes: dict[str, NodeMemory] = {}
        self.fields: tuple[str, ...] = FIELDS
        self.generation = 0
        self.rows: tuple[tuple[str, int], ...] = ()  # (host, GPUs)
        self._told: set[Metric] = set()

    def node(self, host: str) -> NodeMemory:
        """What is known of the node; made when it is asked for the first time."""
        return self.nodes.setdefault(host, NodeMemory())

    def arrange(self, wanted: Collection[str], now: float, keep_seconds: float) -> bool:
        """Make rows of what is wanted, and of what was read lately; return whether they are others than before."""
        kept = {
            host: node
            for host, node in self.nodes.items()
            if host in wanted or now - (node.read_at or 0.0) <= keep_seconds
        }
        self.nodes = kept
        rows = tuple((host, node.count) for host, node in sorted(kept.items()) if node.count)
        if rows == self.rows and self.generation:
            return False
        self.rows, self.generation = rows, self.generation + 1
        self._told.clear()
        return True

    def columns(self, now: float) -> dict[Metric, array[float]]:
        """Every metric that some node tells or told in these rows, ages last."""
        found: dict[Metric, array[float]] = {}
        for metric in METRICS:
            column = array("f")
            for host, count in self.rows:
                node = self.nodes[host]
                column.extend([node.value(metric, gpu, now) for gpu in range(count)])
            if metric in self._told or any(value == value for value in column):  # noqa: PLR0124 - not NaN
                self._told.add(metric)
                found[metric] = column
        return found
