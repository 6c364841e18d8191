"""A number with its recent past: label, value, sparkline, age of the last sample, and the range of the line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from crashcart.tui import words
from crashcart.tui.cells import Span, fit, width_of
from crashcart.tui.sparklines import span_of, spans_of, sparkline

from .page import LABEL, Page

VALUE = 18
AGE = 5
RANGE = 15
NARROWEST, WIDEST = 8, 40


@dataclass(frozen=True, slots=True)
class Trend:
    """What is drawn of a series: its scale (None: from 0 to the largest sample) and how a value is said."""

    text: Callable[[float], str]
    low: float = 0.0
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """What stands beside a line: its label, the last value in words, how old that is, and its role."""

    label: str
    value: str
    age: float | None
    role: str = "text"


def trend(page: Page, said: Said, samples: Sequence[tuple[float, float]], scale: Trend, now: float, width: int) -> None:
    """Add one such line to a page of `width` cells."""
    role = said.role
    room = max(NARROWEST, min(WIDEST, width - LABEL - VALUE - AGE - RANGE - 3))
    value_spans: tuple[Span, ...] = ((said.value, role), (" " * max(1, VALUE - width_of(said.value)), "text"))
    shown_age: Span = (fit(words.age(said.age), AGE, "right"), "faint" if role in ("text", "crit") else "warn")
    if not samples:
        page.pair(said.label, *value_spans, (" " * room, "text"), shown_age)
        return
    values = [sample for _, sample in samples]
    high = scale.high if scale.high is not None else max(values)
    seconds, name = span_of(samples, now)
    line = sparkline(samples, now=now, seconds=seconds, width=room, low=scale.low, high=high)
    spread = f"  {name} {scale.text(min(values))}–{scale.text(max(values))}"
    page.pair(
        said.label,
        *value_spans,
        *spans_of(line, is_stale=role == "stale"),
        shown_age,
        (spread, "faint"),
    )
