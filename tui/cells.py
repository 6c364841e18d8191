"""Text cut to a number of terminal cells: wide characters never stick out, what was cut ends in `…`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from .control_filter import OBEYED

Align = Literal["left", "right"]
Span = tuple[str, str]
"""Plain text and the role it plays; never markup."""


def width_of(text: str) -> int:
    """Cells that the text takes."""
    return len(text) if text.isascii() else cell_len(text)


def fit(text: str, width: int, align: Align = "left") -> str:
    """The text in exactly `width` cells."""
    if width <= 0:
        return ""
    if not text.isprintable():
        text = OBEYED.sub("¿", text)
    length = width_of(text)
    if length > width:
        return set_cell_size(text, width - 1) + "…"
    blanks = " " * (width - length)
    return text + blanks if align == "left" else blanks + text


def padded(text: str, width: int, role: str, align: Align = "left") -> tuple[Span, ...]:
    """The text in exactly `width` cells, its padding as a span of its own: an underline must not run into the gap."""
    shown = fit(text, width, align)
    if align == "right":
        bare = shown.lstrip(" ")
        return ((shown[: len(shown) - len(bare)], "text"), (bare, role))
    bare = shown.rstrip(" ")
    return ((bare, role), (shown[len(bare) :], "text"))


def strip_of(parts: Iterable[tuple[str, Style]], width: int, rest: Style) -> Strip:
    """A line of exactly `width` cells from styled parts; neighbours of one style become one segment."""
    segments: list[Segment] = []
    used = 0
    for text, style in _joined(parts):
        room = width - used
        if room <= 0:
            break
        shown = text if text.isprintable() else OBEYED.sub("¿", text)
        length = width_of(shown)
        if length > room:
            shown, length = fit(shown, room), room
        segments.append(Segment(shown, style))
        used += length
    if used < width:
        segments.append(Segment(" " * (width - used), rest))
    return Strip(segments, width)


def _joined(parts: Iterable[tuple[str, Style]]) -> Iterator[tuple[str, Style]]:
    text, style = "", None
    for more, other in parts:
        if not more:
            continue
        if style is not None and other != style:
            yield text, style
            text = ""
        text, style = text + more, other
    if style is not None and text:
        yield text, style
