"""A sheet of cells with a role each: a wall's page is composed on it anywhere and read off line by line."""

from __future__ import annotations

from collections.abc import Iterable

from rich.cells import cell_len, get_character_cell_size

from crashcart.tui.cells import Span, fit, width_of
from crashcart.tui.control_filter import OBEYED

CONTINUED = ""
"""The second cell of a wide character."""


class Canvas:
    """`width` x `height` cells; what is put outside is cut off."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = max(0, width), max(0, height)
        self._characters = [[" "] * self.width for _ in range(self.height)]
        self._roles = [["text"] * self.width for _ in range(self.height)]

    def put(self, x: int, y: int, text: str, role: str = "text") -> int:
        """Write a text from cell (x, y) on; return the cell after it."""
        if not text.isprintable():
            text = OBEYED.sub("¿", text)
        end = x + width_of(text)
        if not 0 <= y < self.height or x >= self.width or end <= 0:
            return end
        if x < 0:
            return end
        if end > self.width:
            text = fit(text, self.width - x)
        cells = list(text) if len(text) == cell_len(text) else _wide(text)
        self._characters[y][x : x + len(cells)] = cells
        self._roles[y][x : x + len(cells)] = [role] * len(cells)
        return end

    def spans(self, x: int, y: int, spans: Iterable[Span], width: int | None = None) -> int:
        """Write spans one after the other, in `width` cells at most; return the cell after them."""
        limit = self.width if width is None else min(self.width, x + width)
        for text, role in spans:
            room = limit - x
            if room <= 0:
                break
            x = self.put(x, y, text if width_of(text) <= room else fit(text, room), role)
        return x

    def block(self, x: int, y: int, rows: Iterable[str], role: str) -> None:
        """Write rows below each other."""
        for down, row in enumerate(rows):
            self.put(x, y + down, row, role)

    def fill(self, y: int, character: str, role: str, x: int = 0, width: int | None = None) -> None:
        """A line of one character."""
        self.put(x, y, character * (self.width - x if width is None else width), role)

    def line(self, y: int) -> list[Span]:
        """Line `y`, neighbours of one role together."""
        found: list[Span] = []
        start, roles, characters = 0, self._roles[y], self._characters[y]
        for x in range(1, self.width + 1):
            if x == self.width or roles[x] != roles[start]:
                found.append(("".join(characters[start:x]), roles[start]))
                start = x
        return found

    @property
    def text(self) -> str:
        """All of it as plain text."""
        return "\n".join("".join(row) for row in self._characters)


def _wide(text: str) -> list[str]:
    """One item a cell: a wide character takes two, one without width joins the cell before."""
    cells: list[str] = []
    for character in text:
        width = get_character_cell_size(character)
        if width == 0 and cells:
            cells[-1] += character
        elif width:
            cells += [character, *[CONTINUED] * (width - 1)]
    return cells
