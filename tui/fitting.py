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
    kept: list[int] = []
    used = 0
    for index in sorted((i for i, one in enumerate(parts) if one.width), key=lambda i: -parts[i].worth):
        more = parts[index].width + (len(gap[0]) if kept else 0)
        if not kept or used + more <= width:
            kept.append(index)
            used += more
    spans: list[Span] = []
    for number, index in enumerate(sorted(kept)):
        spans += [gap, *parts[index].spans] if number else parts[index].spans
    return tuple(spans)
