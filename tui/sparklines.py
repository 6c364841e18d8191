"""A series of samples in a few cells: a bar for each stretch of time, and a dot for one without a sample.

Nothing is drawn between samples: a gap stays one, so that an exporter that was away is seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from .cells import Span
from .heat_metrics import BARS, LEVELS

GAP = "·"
SLACK = 1.5
"""How much longer a cell is than the time between two samples, which never come quite evenly."""

SPANS: tuple[tuple[float, str], ...] = ((120, "2m"), (300, "5m"), (900, "15m"), (3600, "1h"))
"""Stretches of time that a line may show, with their names."""


def span_of(samples: Sequence[tuple[float, float]], now: float) -> tuple[float, str]:
    """The shortest stretch (seconds, name) that has room for all samples; the longest where none has."""
    oldest = now - samples[0][0] if samples else 0.0
    return next((span for span in SPANS if span[0] >= oldest), SPANS[-1])


def sparkline(
    samples: Sequence[tuple[float, float]], *, now: float, seconds: float, width: int, low: float, high: float
) -> str:
    """The last `seconds` until `now` at the right of `width` cells, between `low` and `high`; a cell is a mean.

    A line of sparse samples is shorter: a cell shorter than the time between two samples would be an invented gap.
    """
    cells = min(width, max(1, int(seconds / (SLACK * _spacing(samples))))) if len(samples) > 1 else width
    sums, numbers = [0.0] * cells, [0] * cells
    for when, value in samples:
        cell = min(cells - 1, int((when - now + seconds) * cells / seconds)) if when <= now else -1
        if cell >= 0:
            sums[cell] += value
            numbers[cell] += 1
    means = (total / number if number else None for total, number in zip(sums, numbers, strict=True))
    return "".join(GAP if mean is None else _bar(mean, low, high) for mean in means).rjust(width)


def _spacing(samples: Sequence[tuple[float, float]]) -> float:
    """The usual time between two samples, of the sparser ones where a line was put together from two sources."""
    gaps = sorted(later[0] - earlier[0] for earlier, later in pairwise(samples))
    return max(0.001, gaps[len(gaps) * 3 // 4])


def _bar(value: float, low: float, high: float) -> str:
    share = (value - low) / (high - low) if high > low else 0.0
    return BARS[max(0, min(LEVELS - 1, int(share * LEVELS)))]


def spans_of(line: str, *, is_stale: bool = False) -> tuple[Span, ...]:
    """A line in the colours of its levels, its gaps set back."""
    spans: list[Span] = []
    for letter in line:
        role = "faint" if letter in (GAP, " ") else "stale" if is_stale else f"load-{BARS.index(letter)}"
        if spans and spans[-1][1] == role:
            spans[-1] = (spans[-1][0] + letter, role)
        else:
            spans.append((letter, role))
    return tuple(spans)
