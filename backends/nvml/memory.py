"""What is known of this machine's GPUs beyond one look: their slots, their last Xids, and what was once measured."""

from __future__ import annotations

from array import array
from typing import get_args

from crashcart.backends.metrics import Metric

from .counters import NAN
from .driver import Sweep
from .gpu import Gpu

METRICS: tuple[Metric, ...] = get_args(Metric)


class Memory:
    """Rows are slots: a GPU that is gone keeps its row, and one that comes back is known by its PCI address."""

    def __init__(self) -> None:
        self.generation = 0
        self.slots: list[str] = []  # PCI address of each row, "" while it is not known
        self.columns: dict[Metric, array[float]] = {}
        self.sampled_at: float | None = None
        self.rows: list[Gpu | None] = []  # what the last look found in each slot
        self.ever_up: dict[int, frozenset[int]] = {}  # row -> NVLinks that were up at any time
        self._xids: dict[int, float] = {}

    def take(self, sweep: Sweep) -> None:
        """Take in what a look found; one that found no driver leaves all rows without numbers."""
        self._place(sweep.gpus)
        row_of = {gpu.index: row for row, gpu in enumerate(self.rows) if gpu is not None}
        for index, xid in sweep.xids:
            if index in row_of:
                self._xids[row_of[index]] = float(xid)
        for row, gpu in enumerate(self.rows):
            if gpu is not None:
                self.ever_up[row] = self.ever_up.get(row, frozenset()) | gpu.links_up
        self.sampled_at = sweep.when
        heard = {row_of[index] for index in sweep.heard if index in row_of}
        self._fill(heard)

    def ages(self, now: float) -> array[float]:
        """Seconds since each GPU was read; NaN for one that could not be."""
        age = NAN if self.sampled_at is None else max(0.0, now - self.sampled_at)
        return array("f", [NAN if gpu is None or gpu.lost else age for gpu in self.rows])

    def _place(self, gpus: tuple[Gpu, ...]) -> None:
        """Find each GPU's row: by its address where fewer are there than were, by the driver's order otherwise."""
        if len(gpus) > len(self.slots):
            self.generation += 1
            self.slots = [""] * len(gpus)
            self.columns.clear()
            self.ever_up.clear()
            self._xids.clear()
        self.rows = [None] * len(self.slots)
        is_whole = len(gpus) == len(self.slots)
        for gpu in gpus:
            row = gpu.index if is_whole else self._row_of(gpu)
            self.rows[row] = gpu
            self.slots[row] = gpu.bus or self.slots[row]

    def _row_of(self, gpu: Gpu) -> int:
        if gpu.bus in self.slots and gpu.bus:
            return self.slots.index(gpu.bus)
        return self.rows.index(None)

    def _fill(self, heard: set[int]) -> None:
        for metric in METRICS:
            if metric in ("xid", "age_seconds"):
                continue
            values = [NAN if gpu is None else gpu.values.get(metric, NAN) for gpu in self.rows]
            if metric in self.columns or any(value == value for value in values):  # noqa: PLR0124 - not NaN
                self.columns[metric] = array("f", values)
        if heard or self._xids or "xid" in self.columns:
            quiet = (0.0 if row in heard else NAN for row in range(len(self.rows)))
            self.columns["xid"] = array("f", [self._xids.get(row, value) for row, value in enumerate(quiet)])
