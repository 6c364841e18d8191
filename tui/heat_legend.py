"""The heatmap's legend: every glyph that can appear, in a word, and by what the nodes are grouped."""

from __future__ import annotations

from .cells import Span
from .fitting import Part, fitted, part
from .heat_cells import COMPARED
from .heat_metrics import BARS, LEVELS, HeatMetric

_MISSING = part(8, ("∅ ", "crit"), ("missing", "muted"))
_COMMON = (part(4, ("· ", "faint"), ("no data", "muted")), part(7, ("░▒ ", "stale"), ("stale", "muted")))
_NODE = (part(5, ("▼ ", "warn"), ("drained", "muted")), part(6, ("✕ ", "crit"), ("down", "muted")))
_ODD = part(9, ("≠ ", "warn"), ("unlike its job", "muted"))


def legend(metric: HeatMetric, grouping: str, width: int) -> tuple[Span, ...]:
    """The spans of the legend line in `width` cells."""
    title = part(20, (metric.title, "title"))
    grouped = part(1, (f"by {grouping}", "faint"))
    return fitted((title, *_scale(metric), *_states(metric), grouped), width)


def _states(metric: HeatMetric) -> tuple[Part, ...]:
    if not metric.columns:
        return (*_NODE, _MISSING, *_COMMON)
    odd = (_ODD,) if metric.id in COMPARED else ()
    return (*odd, _MISSING, *_COMMON, *(() if metric.fault else _NODE))


def _scale(metric: HeatMetric) -> tuple[Part, ...]:
    if not metric.columns:
        jobs: tuple[Span, ...] = (("■", "series-0"), ("■", "series-1"), ("■ ", "series-2"))
        return (part(10, *jobs, ("by job", "muted")), part(10, ("□ ", "faint"), ("free", "muted")))
    if metric.fault is not None:
        mild, bad = metric.worse
        none = part(9, ("▁ ", "faint"), ("none", "muted"))
        warn = (part(10, ("▲ ", "warn"), (mild, "muted")),) if mild else ()
        return (none, *warn, part(10, ("✕ ", "crit"), (bad, "muted")))
    bars = tuple((BARS[level], f"{metric.ramp}-{level}") for level in range(LEVELS))
    low, high = ("empty", "full") if metric.id == "memory" else (metric.text(metric.low), metric.text(metric.high))
    return (part(15, (f"{low} ", "muted"), *bars, (f" {high}", "muted")),)
