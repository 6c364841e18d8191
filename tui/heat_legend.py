"""The heatmap's legend: every glyph that can appear, in a word."""

from __future__ import annotations

from .cells import Span
from .heat_metrics import BARS, LEVELS, HeatMetric

_COMMON: tuple[Span, ...] = (("  · ", "faint"), ("no data", "muted"), ("  ░ ", "stale"), ("stale", "muted"))
_NODE: tuple[Span, ...] = (("  ▼ ", "warn"), ("drained", "muted"), ("  ✕ ", "crit"), ("down", "muted"))


def legend(metric: HeatMetric) -> tuple[Span, ...]:
    """The spans of the legend line."""
    title: Span = (f"{metric.title} ", "title")
    if metric.id == "allocation":
        job: tuple[Span, ...] = (("■", "series-0"), ("■", "series-1"), ("■ ", "series-2"), ("in use, by job", "muted"))
        return (title, *job, ("  □ ", "faint"), ("free", "muted"), *_NODE, *_COMMON)
    if metric.id == "xid":
        worse: tuple[Span, ...] = (("▲ ", "warn"), ("application", "muted"), ("  ✕ ", "crit"), ("hardware", "muted"))
        return (title, ("▁ ", "faint"), ("none  ", "muted"), *worse, *_COMMON)
    if metric.id == "throttle":
        held: tuple[Span, ...] = (("▲ ", "warn"), ("thermal", "muted"), ("  ✕ ", "crit"), ("hardware", "muted"))
        return (title, ("▁ ", "faint"), ("none  ", "muted"), *held, *_COMMON)
    scale = tuple((BARS[level], f"{metric.ramp}-{level}") for level in range(LEVELS))
    low, high = ("empty", "full") if metric.id == "memory" else (metric.text(metric.low), metric.text(metric.high))
    return (title, (f"{low} ", "muted"), *scale, (f" {high}", "muted"), *_COMMON, *_NODE)
