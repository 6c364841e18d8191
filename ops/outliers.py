"""GPUs that do not do as the others of their job: slow ranks, stuck ranks, hot ones.

All GPUs of a job usually do the same at the same time, so a job is its own yardstick. The yardstick is robust (median
and median deviation), and a floor keeps a job of very even GPUs from calling ordinary noise an outlier. Power comes
first: a GPU that only waits for the others shows full utilisation and little power.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

FEWEST_PEERS = 4
"""Besides the GPU itself; among fewer there is no saying who is odd."""

SPREADS = 5.0
"""How many spreads off the median is too far: about one in a million for noise of a normal distribution."""

MAD_TO_SIGMA = 1.4826
YARDSTICK_GPUS = 513
"""A larger job is measured by every n-th GPU: sorting ten thousand would cost more than it tells."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A metric that GPUs are compared by. The floor of the spread is the larger of a value and a share."""

    metric: str
    floor: float
    floor_share: float
    only_above: bool = False


JUDGED: tuple[Judged, ...] = (
    Judged("power_watts", 12.0, 0.05),
    Judged("util_percent", 6.0, 0.0),
    Judged("temperature_celsius", 2.0, 0.0, only_above=True),
)


@dataclass(frozen=True, slots=True)
class Outlier:
    """By which metric a GPU is odd, its value and the median of its job."""

    metric: str
    value: float
    median: float


Run = tuple[int, int]
"""First row and number of rows."""

Earlier = Mapping[str, Sequence["memoryview[float]"]]
"""Columns of the last few samples before, by metric."""

NEVER: Earlier = {}


def find(columns: Mapping[str, memoryview[float]], runs: Sequence[Run], earlier: Earlier = NEVER) -> dict[int, Outlier]:
    """Row to outlier among the GPUs of one job, which are these runs of rows; rows without a sample are no peers.

    Where `earlier` columns are held, a row must have been as far off in them too: one odd sample is a sample's noise.
    """
    found: dict[int, Outlier] = {}
    for judged in JUDGED:
        column = columns.get(judged.metric)
        if column is None:
            continue
        values = [value for start, count in runs for value in column[start : start + count].tolist()]
        if _are_even(values, judged):
            continue
        low, median, high = bounds(values, judged)
        rows = (row for start, count in runs for row in range(start, start + count))
        for row, value in zip(rows, values, strict=True):
            is_far = value < low or value > high
            if (
                is_far
                and row not in found
                and all(not low <= was[row] <= high for was in earlier.get(judged.metric, ()))
            ):
                found[row] = Outlier(judged.metric, value, median)
    return found


def _are_even(values: Sequence[float], judged: Judged) -> bool:
    """Whether all lie so close together that none can be an outlier: the usual case, and cheap to see."""
    if len(values) <= FEWEST_PEERS:
        return True
    least = min(values)  # NaN when the first one is, and then nothing is even
    return max(values) - least <= SPREADS * max(judged.floor, judged.floor_share * least)


def bounds(values: Sequence[float], judged: Judged) -> tuple[float, float, float]:
    """Lowest ordinary value, median, highest ordinary value; without limits where there are too few peers."""
    step = max(1, -(-len(values) // YARDSTICK_GPUS))
    known = sorted(value for value in values[::step] if value == value)  # noqa: PLR0124 - leaves NaN out
    if len(known) <= FEWEST_PEERS:
        return float("-inf"), 0.0, float("inf")
    median = known[len(known) // 2]
    deviation = sorted(abs(value - median) for value in known)[len(known) // 2]
    far = SPREADS * max(MAD_TO_SIGMA * deviation, judged.floor, judged.floor_share * abs(median))
    return float("-inf") if judged.only_above else median - far, median, median + far
