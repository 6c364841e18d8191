"""A strip as cells: one entry for each column of the terminal, wide characters as an entry and an empty one."""

from __future__ import annotations

from functools import lru_cache

from rich.color import ColorSystem
from textual._cells import cell_len
from textual.strip import Strip

from .pens import pen_of

JOINER = "\u200d"
EMOJI = "\U0001f000"
"""From here on terminals of different age disagree about widths."""


def cells_of(strip: Strip, colors: ColorSystem) -> tuple[list[str], list[str]]:
    """Characters and pens of a strip, as many as it has cells."""
    chars: list[str] = []
    pens: list[str] = []
    for text, style, control in strip:
        if control:
            continue
        units = text if text.isascii() else units_of(text)
        chars += units
        pens += [pen_of(style, colors)] * len(units)
    return chars, pens


@lru_cache(maxsize=16384)
def units_of(text: str) -> tuple[str, ...]:
    """A text as cells. What takes no cell of its own belongs to the character before, or is left out where none is."""
    units: list[str] = []
    index = 0
    while index < len(text):
        end = index + 1
        while end < len(text) and (text[end - 1] == JOINER or cell_len(text[end]) == 0):
            end += 1
        unit = text[index:end]
        width = cell_len(unit)
        if width:
            units.append(unit)
            units += [""] * (width - 1)
        index = end
    return tuple(units)


def is_doubtful(unit: str) -> bool:
    """Whether terminals may take another number of cells for it than we do."""
    return unit >= EMOJI or len(unit) > 1
