"""The heatmap's counts: GPUs, how many are in use, what is out of service. What is not known is `?`, never 0."""

from __future__ import annotations

from collections import Counter

from . import words
from .cells import Span
from .shown import Shown
from .states import word_mark


def scheduler_counts(shown: Shown, gpus: int) -> tuple[Span, ...]:
    """`512 GPUs  430 in use  ▼ 2 drained  ✕ 1 down`; counts of a scheduler that is silent are dimmed."""
    spans: list[Span] = [(words.plural(gpus, "GPU"), "muted")]
    nodes = [shown.store.nodes[key] for key in shown.keys("node")]
    if nodes:
        known = shown.store.knows("node", shown.scene.now, shown.cluster)
        used = [node.gpus_used for node in nodes]
        spans.append(_in_use(used) if known else ("  ? in use", "unknown"))
        states = Counter(node.word for node in nodes)
        bad = [(number, word) for word, number in sorted(states.items()) if word_mark(word)[1] != "ok"]
        if bad and not known:
            spans.append(("  last known:", "unknown"))
        for number, word in bad:
            glyph, role = word_mark(word)
            spans.append((f"  {glyph} {number:,} {word}", role if known else "stale"))
    return tuple(spans)


def _in_use(used: list[int | None]) -> Span:
    """Where some nodes do not tell, what the others tell is the least."""
    told = [number for number in used if number is not None]
    if len(told) == len(used):
        return f"  {sum(told):,} in use", "muted"
    return (f"  at least {sum(told):,} in use" if told else "  ? in use"), "unknown"


def telemetry_counts(shown: Shown) -> tuple[Span, ...]:
    """`∅ 1 missing  ░ 2 exporters down`, nothing where all is well."""
    gpus, scene = shown.joins.gpus, shown.scene
    found: list[Span] = []
    missing = sum(n for key, n in gpus.missing_by_node(scene.now).items() if _is_shown(shown, key))
    if missing:
        found.append((f"  ∅ {missing:,} missing", "crit"))
    failing = sum(_is_shown(shown, key) for key in gpus.exporter_failures())
    if failing:
        found.append((f"  ░ {words.plural(failing, 'exporter')} down", "warn"))
    return tuple(found)


def _is_shown(shown: Shown, key: str) -> bool:
    return shown.cluster in (None, key.partition("/")[0])
