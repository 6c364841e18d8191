"""One line out of more than fits: what is worth least goes first, what stays keeps its order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .cells import Span, width_of


@dataclass(frozen=True, slots=True)
class Part:
    """Spans that stay or go together; the higher its worth, the longer it stays."""

    worth: int
    spans: tuple[Span, ...]

    @property
    def width(self) -> int:
        """Cells that it takes."""
        return sum(width_of(text) for text, _ in self.spans)


def part(worth: int, *spans: Span) -> Part:
    """A part from its spans."""
    return Part(worth, spans)


def fitted(parts: Sequence[Part], width: int, gap: Span = ("  ", "text")) -> tuple[Span, ...]:
    """The parts that fit in `width` cells with a gap between each; the one worth most is there in any case."""
    kept = [one for one in parts if one.width]
    while len(kept) > 1 and sum(one.width for one in kept) + len(gap[0]) * (len(kept) - 1) > width:
        kept.remove(min(reversed(kept), key=lambda one: one.worth))
    spans: list[Span] = []
    for index, one in enumerate(kept):
        spans += [gap, *one.spans] if index else one.spans
    return tuple(spans)
