"""From numbers to glyphs: a metric's scale on the columns of one table."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace

from crashcart.ops.gpu_table import GpuTable

from .heat_metrics import BARS, LEVELS, HeatMetric

Glyph = tuple[str, str]
"""A character and its role; `heat-0` to `heat-7`, `load-N` and `series-N` are roles too."""

NO_DATA: Glyph = ("·", "faint")
DOWN: Glyph = ("✕", "crit")
LEVEL_GLYPHS: dict[str, tuple[Glyph, ...]] = {
    ramp: tuple((BARS[level], f"{ramp}-{level}") for level in range(LEVELS)) for ramp in ("heat", "load")
}
NAN = float("nan")
_BAD: dict[str, Glyph] = {"ok": ("▁", "faint"), "warn": ("▲", "warn"), "crit": DOWN}


class Scale(ABC):
    """Reads glyphs of rows, and the one glyph that is their mean."""

    @abstractmethod
    def glyphs(self, first: int, end: int) -> list[Glyph]:
        """One for each row from `first` to before `end`."""

    def mean(self, first: int, end: int) -> Glyph | None:
        """The level of all these rows together; None where that takes a look at each."""
        return None


class Unmeasured(Scale):
    """A metric that the table does not have."""

    def glyphs(self, first: int, end: int) -> list[Glyph]:
        return [NO_DATA] * (end - first)


class Levels(Scale):
    """A number on a scale; with `whole` a part of another column, row by row, where that is known."""

    def __init__(self, metric: HeatMetric, column: memoryview[float], whole: memoryview[float] | None) -> None:
        self._glyphs = LEVEL_GLYPHS[metric.ramp]
        self._column = column
        self._whole = whole
        self._low, self._factor = metric.low, LEVELS / (metric.high - metric.low)

    def glyphs(self, first: int, end: int) -> list[Glyph]:
        return [NO_DATA if level is None else self._glyphs[level] for level in self._levels(first, end)]

    def mean(self, first: int, end: int) -> Glyph | None:
        levels = self._levels(first, end)
        known = [level for level in levels if level is not None]
        return self._glyphs[round(sum(known) / len(known))] if len(known) == len(levels) and known else None

    def _levels(self, first: int, end: int) -> list[int | None]:
        values: Sequence[float] = self._column[first:end].tolist()
        low, factor = self._low, self._factor
        if self._whole is not None:
            wholes = self._whole[first:end].tolist()
            values = [
                value if not whole > 0 else low + value * LEVELS / whole / factor
                for value, whole in zip(values, wholes, strict=True)
            ]
        return [
            None if value != value else int(max(0, min(LEVELS - 1, (value - low) * factor)))  # noqa: PLR0124 - NaN
            for value in values
        ]


class Faults(Scale):
    """Well, bad or worse, told from one or more columns."""

    def __init__(self, role: Callable[..., str], columns: Sequence[memoryview[float] | None]) -> None:
        self._role = role
        self._columns = columns

    def glyphs(self, first: int, end: int) -> list[Glyph]:
        unknown = [NAN] * (end - first)
        parts = [unknown if column is None else column[first:end].tolist() for column in self._columns]
        return [self._glyph(values) for values in zip(*parts, strict=True)]

    def _glyph(self, values: tuple[float, ...]) -> Glyph:
        return NO_DATA if all(math.isnan(value) for value in values) else _BAD[self._role(*values)]

    def mean(self, first: int, end: int) -> Glyph | None:
        """Of rows that are all well."""
        glyphs = self.glyphs(first, end)
        return _BAD["ok"] if all(glyph is _BAD["ok"] for glyph in glyphs) else None


def scale_of(metric: HeatMetric, table: GpuTable) -> Scale:
    """The metric's scale on this table."""
    columns = [table.columns.get(name) for name in metric.columns]
    if all(column is None for column in columns):
        return Unmeasured()
    if metric.fault is not None:
        return Faults(metric.fault, columns)
    column = columns[0]
    assert column is not None  # noqa: S101 - a metric with a scale has one column
    if metric.id == "age":
        metric = replace(metric, high=table.rows.stale_after_seconds)
    return Levels(metric, column, table.columns.get(metric.of) if metric.of else None)
