"""Tables of plausible GPU samples: a column over 100,000 GPUs is cut out of bytes, not computed one by one."""

from __future__ import annotations

import math
import random
import struct
import sys
from array import array
from collections.abc import Callable, Iterable

from .loads import GPU_MEMORY_BYTES, LOADS, MEMORY_CLOCK_MHZ, POWER_LIMIT_WATTS, SLOWDOWN_CELSIUS, Spread
from .metrics import PACE, WHOLE_NUMBERS

PERIOD = 1531
"""Samples before a table repeats; prime, so that no row of racks looks like the next."""
LONGEST_CUT = 512
VARIANTS = 8
NAN = float("nan")

Cut = tuple[str, int, int]  # load, first and last byte in its table

OF_GPU: dict[str, Callable[[float], float]] = {
    "memory_total_bytes": lambda own: float(GPU_MEMORY_BYTES),
    "memory_clock_mhz": lambda own: MEMORY_CLOCK_MHZ,
    "power_limit_watts": lambda own: POWER_LIMIT_WATTS,
    "ecc_corrected": lambda own: float(max(0, round((own - 1.3) * 24.0))),
    "remapped_correctable": lambda own: float(own > 2.2),
    "pcie_replays": lambda own: float(max(0, round((-own - 0.8) * 9.0))),
}
"""A GPU's own values, from its place between bad and good luck (a standard deviation is 1); others are zero."""


class SampleTables:
    """Noise in `VARIANTS` turns; each GPU keeps its place in the table, so a hot GPU stays the hotter one."""

    def __init__(self, seed: int, rows: int) -> None:
        self._period = max(1, min(PERIOD, rows))
        chance = random.Random(seed)  # noqa: S311 - a picture, not a secret
        self._own = [chance.gauss(0.0, 1.0) for _ in range(self._period)]
        self._seed = seed
        self._noise: dict[int, list[float]] = {}
        self._tables: dict[tuple[str, str, int], bytes] = {}

    def cuts(self, runs: Iterable[tuple[str, int]]) -> list[Cut]:
        """Where in the tables the samples lie of all GPUs in order, told as runs under the same load."""
        found: list[Cut] = []
        row, period = 0, self._period
        for load, count in runs:
            end = row + count
            while row < end:
                width = min(LONGEST_CUT, end - row)
                start = row % period * 4
                found.append((load, start, start + width * 4))
                row += width
        return found

    def join(self, cuts: list[Cut], metric: str, turn: int) -> bytearray:
        """A column of samples."""
        tables = {load: self._table(load, metric, turn) for load in LOADS}
        return bytearray(b"").join([tables[load][start:end] for load, start, end in cuts])

    def value(self, load: str, metric: str, seconds: float, row: int) -> float:
        """One GPU's sample at a time, seconds since the start; "gone" has none."""
        table = self._table(load, metric, turn_at(seconds, metric))
        value: float = struct.unpack_from("<f", table, row % self._period * 4)[0]
        return value

    def noise(self, turn: int, row: int) -> float:
        """A row's own noise in a turn; a standard deviation is about 1."""
        return self._mixed(turn)[row % self._period]

    def whole(self, metric: str, rows: int) -> bytes:
        """A column of what is a GPU's own."""
        table = self._table("idle", metric, 0)[: self._period * 4]
        return (table * (rows // self._period + 1))[: rows * 4]

    def _table(self, load: str, metric: str, turn: int) -> bytes:
        key = (load, metric, turn)
        table = self._tables.get(key)
        if table is None:
            turns = 1 + LONGEST_CUT // self._period + 1
            values = self._values(load, metric, turn)
            table = self._tables[key] = floats((values * turns)[: self._period + LONGEST_CUT])
        return table

    def _values(self, load: str, metric: str, turn: int) -> list[float]:
        """One period of samples."""
        if load == "gone":
            return [NAN] * self._period
        if metric == "temperature_margin_celsius":
            return [SLOWDOWN_CELSIUS - value for value in self._values(load, "temperature_celsius", turn)]
        told = getattr(LOADS[load], metric, None)
        if not isinstance(told, Spread):
            return self._constants(metric, told)
        noise = self._mixed(turn) if metric in PACE else self._own
        mean, deviation, low, high = told.mean, told.deviation, told.low, told.high
        values = [min(high, max(low, mean + deviation * value)) for value in noise]
        return [float(round(value)) for value in values] if metric in WHOLE_NUMBERS else values

    def _constants(self, metric: str, told: int | None) -> list[float]:
        """What does not move: the load's, or each GPU's own."""
        if told is not None:
            return [float(told)] * self._period
        of_gpu = OF_GPU.get(metric)
        return [0.0 if of_gpu is None else of_gpu(own) for own in self._own]

    def _mixed(self, turn: int) -> list[float]:
        """Mostly each GPU's own character, and some change from turn to turn."""
        if turn not in self._noise:
            chance = random.Random(self._seed * VARIANTS + turn + 1)  # noqa: S311 - a picture, not a secret
            self._noise[turn] = [0.75 * own + 0.6 * chance.gauss(0.0, 1.0) for own in self._own]
        return self._noise[turn]


def floats(values: list[float]) -> bytes:
    """Little-endian float32."""
    column = array("f", values)
    if sys.byteorder == "big":
        column.byteswap()
    return column.tobytes()


def turn_at(seconds: float, metric: str) -> int:
    """Which variant of a metric holds at this time, seconds since the start."""
    pace = PACE.get(metric)
    return 0 if pace is None else math.floor(seconds / pace) * 5 % VARIANTS
