"""How many nodes the planes disagree about, and of how many nobody can tell."""

from __future__ import annotations

from . import words
from .cells import Span
from .shown import Shown


def agreement_spans(shown: Shown) -> tuple[Span, ...]:
    """`≠ 3 disagree  ? 12 not known  + 1 in metrics only`; nothing where all planes agree."""
    now, findings = shown.scene.now, shown.joins.findings
    disagree = [
        key
        for key, found in findings.by_node(now).items()
        if _is_shown(shown, key) and any(one.is_known for one in found)
    ]
    unknown = sum(_is_shown(shown, key) for key in findings.unknown(now).difference(disagree))
    strays = sum(shown.cluster in (None, cluster) for cluster, _ in findings.strays(now))
    spans: list[Span] = []
    if disagree:
        spans.append((f"   ≠ {len(disagree):,} disagree", "warn"))
    if unknown:
        spans.append((f"   ? {unknown:,} not known to agree", "unknown"))
    if strays:
        spans.append((f"   + {words.plural(strays, 'host')} in metrics only", "warn"))
    return tuple(spans)


def _is_shown(shown: Shown, key: str) -> bool:
    return shown.cluster in (None, key.partition("/")[0])
