"""The heatmap's counts: GPUs, how many are in use, what is out of service. What is not known is `?`, never 0."""

from __future__ import annotations

from collections import Counter

from . import words
from .cells import Span
from .fitting import Part, part
from .shown import Shown
from .states import word_mark

_WORTH = {"crit": 75, "warn": 60, "unknown": 50}


def scheduler_counts(shown: Shown, gpus: int) -> tuple[Part, ...]:
    """`512 GPUs  430 in use  ✕ 1 down  ▼ 2 drained`; counts of a scheduler that is silent are dimmed."""
    if not gpus and shown.store.is_loading("node"):
        return ()
    parts = [part(40, (words.plural(gpus, "GPU"), "muted"))]
    nodes = [shown.store.nodes[key] for key in shown.keys("node")]
    if not nodes:
        return tuple(parts)
    known = shown.store.knows("node", shown.scene.now, shown.cluster)
    parts.append(part(65, _in_use([node.gpus_used for node in nodes]) if known else ("? in use", "unknown")))
    bad = [(word_mark(word), number, word) for word, number in Counter(node.word for node in nodes).items()]
    bad = sorted((item for item in bad if item[0][1] != "ok"), key=lambda item: (-_WORTH.get(item[0][1], 0), item[2]))
    for number, ((glyph, role), count, word) in enumerate(bad):
        said: Span = (f"{glyph} {count:,} {word}", role if known else "stale")
        doubt: Span = ("" if known or number else "last known: ", "unknown")
        parts.append(part(_WORTH.get(role, 50), doubt, said))
    return tuple(parts)


def _in_use(used: list[int | None]) -> Span:
    """Where some nodes do not tell, what the others tell is the least."""
    told = [number for number in used if number is not None]
    if len(told) == len(used):
        return f"{sum(told):,} in use", "muted"
    return (f"at least {sum(told):,} in use" if told else "? in use"), "unknown"


def telemetry_counts(shown: Shown) -> tuple[Part, ...]:
    """`∅ 1 missing  ░ 2 exporters down`, nothing where all is well."""
    gpus = shown.joins.gpus
    missing = sum(n for key, n in gpus.missing_by_node(shown.scene.now).items() if _is_shown(shown, key))
    failing = sum(_is_shown(shown, key) for key in gpus.exporter_failures())
    parts = [part(78, (f"∅ {missing:,} missing", "crit"))] if missing else []
    if failing:
        parts.append(part(70, (f"░ {words.plural(failing, 'exporter')} down", "warn")))
    return tuple(parts)


def _is_shown(shown: Shown, key: str) -> bool:
    return shown.cluster in (None, key.partition("/")[0])
