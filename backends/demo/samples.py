"""Tables of plausible GPU samples: a column over 100,000 GPUs is cut out of bytes, not computed one by one."""

from __future__ import annotations

import math
import random
import sys
from array import array

from .loads import LOADS, Spread

PERIOD = 1531
"""Samples before a table repeats; prime, so that no row of racks looks like the next."""
LONGEST_CUT = 512
VARIANTS = 8
NAN = float("nan")


class SampleTables:
    """Noise in `VARIANTS` turns; each GPU keeps its place in the table, so a hot GPU stays the hotter one."""

    def __init__(self, seed: int, rows: int) -> None:
        self._period = max(1, min(PERIOD, rows))
        chance = random.Random(seed)  # noqa: S311 - a picture, not a secret
        self._own = [chance.gauss(0.0, 1.0) for _ in range(self._period)]
        self._seed = seed
        self._noise: dict[int, list[float]] = {}
        self._tables: dict[tuple[str, str, int], bytes] = {}

    def cut(self, load: str, metric: str, turn: int, first_row: int, count: int) -> bytes:
        """Samples of `count` consecutive GPUs (at most LONGEST_CUT) under a load; "gone" has none."""
        key = (load, metric, turn)
        table = self._tables.get(key)
        if table is None:
            table = self._tables[key] = self._build(load, metric, turn)
        start = first_row % self._period * 4
        return table[start : start + count * 4]

    def _build(self, load: str, metric: str, turn: int) -> bytes:
        if load == "gone":
            return floats([NAN] * (self._period + LONGEST_CUT))
        spread: Spread = getattr(LOADS[load], metric)
        noise = self._own if spread.pace == 0.0 else self._mixed(turn)
        mean, deviation, low, high = spread.mean, spread.deviation, spread.low, spread.high
        values = [min(high, max(low, mean + deviation * value)) for value in noise]
        if metric in ("util_percent", "temperature_celsius", "sm_clock_mhz"):
            values = [float(round(value)) for value in values]
        turns = 1 + LONGEST_CUT // self._period + 1
        return floats((values * turns)[: self._period + LONGEST_CUT])

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


def turn_at(seconds: float, pace: float) -> int:
    """Which variant holds at this time."""
    return 0 if pace == 0.0 else math.floor(seconds / pace) * 5 % VARIANTS
