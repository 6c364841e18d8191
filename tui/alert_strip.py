"""The last day of an alert's name: how many fired in each stretch of time, as blocks; dots where nobody knows."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

from crashcart.backends.model import History
from crashcart.ops.store import Store

from . import words

DAY_SECONDS = 86_400.0
SUBJECT = "alerts"
NO_DATA = "┄"
BLOCKS = "▂▃▄▅▆▇█"
"""1, 2, 4, 8, 16, 32, 64 and more: one scale for all alerts, so that strips can be compared."""

EIGHTHS = " ▁▂▃▄▅▆▇█"

Samples = list[float | None]
"""One value a cell, oldest first; None where there is no sample."""


def day_of(
    store: Store, cluster: str, name: str, now: float, cells: int, *, listed_by: Collection[str] = ()
) -> Samples | None:
    """How many fired in each of `cells` stretches of the last 24 hours; None where no source keeps such a history.

    A name that is not in the history of a source that lists the alert has not fired; of others that is not known.
    """
    held = store.histories.get((cluster, SUBJECT), {}).values()
    history = max(held, key=lambda one: (name in one.names, one.when), default=None)
    if history is None:
        return None
    if name not in history.names:
        return _spread(history, (0.0,) * history.points, now, cells) if history.source in listed_by else [None] * cells
    index, points = history.names.index(name), history.points
    values = memoryview(history.values).cast("f")[index * points : (index + 1) * points]
    return _spread(history, values, now, cells)


def _spread(history: History, values: Sequence[float], now: float, cells: int) -> Samples:
    """The most that fired at any sample of each cell; a cell between two samples has the one before it."""
    width, begin = DAY_SECONDS / cells, now - DAY_SECONDS
    found: Samples = []
    for cell in range(cells):
        end = begin + (cell + 1) * width
        last = math.floor((end - history.start) / history.step_seconds)
        first = min(last, math.floor((end - width - history.start) / history.step_seconds) + 1)
        known = [values[i] for i in range(max(0, first), min(last + 1, len(values))) if not math.isnan(values[i])]
        found.append(max(known, default=None))
    return found


def strip(samples: Samples | None, cells: int) -> str:
    """`   ▂▃▃  ▂┄┄`: blank is none, dots are not known."""
    if samples is None:
        return NO_DATA * cells
    return "".join(NO_DATA if value is None else _block(value) for value in samples)


def _block(value: float) -> str:
    return BLOCKS[min(len(BLOCKS) - 1, int(math.log2(value)))] if value >= 1 else " "


def chart(samples: Samples, rows: int) -> list[str]:
    """The same in several lines, top first; the highest block is the most that fired, but a few stay low."""
    most = max([float(rows), *(value for value in samples if value is not None)])
    lines = []
    for row in range(rows - 1, -1, -1):
        lines.append("".join(_part(value, most, row, rows) for value in samples))
    return lines


def _part(value: float | None, most: float, row: int, rows: int) -> str:
    if value is None:
        return NO_DATA if row == 0 else " "
    if not value:
        return " "
    eighths = max(1, round(value / most * rows * 8))
    return EIGHTHS[max(0, min(8, eighths - row * 8))]


def axis(now: float, cells: int) -> str:
    """Times below a chart of `cells` cells: a day ago, the middle, and now."""
    left, middle = words.of_day(now - DAY_SECONDS)[:5], words.of_day(now - DAY_SECONDS / 2)[:5]
    line = left.ljust(cells // 2 - 2) + middle
    return line.ljust(cells - 3) + "now"
