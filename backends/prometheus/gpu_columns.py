"""Fills columns from slim answers: the hot path, linear in rows and free of objects beyond what the decoder made."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Set
from math import isnan
from typing import Any

from .fleet import NAN, Fleet

BLANK = 1.4e14
"""DCGM's "no value" from here on: 140737488355328.0 in floating point, 9.22e18 and more in integers."""

SMALL_BITS = 7
"""What a throttle mask below 8 can hold."""


def filled(
    fleet: Fleet, old: array[float], silent: Set[str], rows: list[int], samples: list[Any], scale: float
) -> array[float]:
    """A column with these samples at these rows and nothing elsewhere; machines that fell silent keep what they had."""
    column = fleet.blank()
    placed(column, rows, samples, scale)
    for host in silent:
        start = fleet.offsets[host]
        end = start + fleet.counts[host]
        column[start:end] = old[start:end]  # a rate still knows a machine for a while, and it falls
    return column


def quieted(fleet: Fleet, old: array[float], silent: Set[str], *, keeps_small_bits: bool) -> array[float]:
    """A column in which nothing of note is: 0 where a machine that answers exports it at all."""
    column = array("f", old)
    for host, start, end in fleet.spans():
        if host in silent:
            continue
        for row in range(start, end):
            value = column[row]
            if not isnan(value):
                column[row] = float(int(value) & SMALL_BITS) if keeps_small_bits else 0.0
    return column


def placed(column: array[float], rows: list[int], samples: list[Any], scale: float) -> None:
    """Write these samples into a column."""
    for row, sample in zip(rows, samples, strict=True):
        if row >= 0:
            value = sample.value[1]
            column[row] = value * scale if -BLANK < value < BLANK else NAN


def restored(fleet: Fleet, column: array[float], before: array[float], hosts: Iterable[str]) -> None:
    """Give machines that went away between two queries their last values back."""
    for host in hosts:
        start = fleet.offsets[host]
        for row in range(start, start + fleet.counts[host]):
            if isnan(column[row]):
                column[row] = before[row]


def packed(column: array[float]) -> memoryview:
    """The bytes of a column as items carry them."""
    if sys.byteorder == "big":
        column = array("f", column)
        column.byteswap()
    return memoryview(column.tobytes())
