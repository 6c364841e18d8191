"""A terminal for tests that keeps every cell with all its attributes, and takes nothing it does not know.

It knows what a VT220 knows of painting, and, if wanted, how to repeat a character. Like a real terminal it makes blanks
of both halves of a wide character when one is written over.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

_TOKEN = re.compile(
    r"\x1b\[(?P<private>[?<>=]?)(?P<words>[0-9;]*)(?P<middle>[$ ]?)(?P<final>[@-~])"
    r"|\x1b\](?P<osc>[^\x07\x1b]*)(?:\x07|\x1b\\)|(?P<control>[\r\n\x07])|(?P<text>[^\x00-\x1f\x7f-\x9f]+)"
)
_OFF = {
    22: {1, 2}, 23: {3}, 24: {4, 21}, 25: {5, 6}, 27: {7}, 28: {8}, 29: {9}, 54: {51, 52}, 55: {53},
}  # fmt: skip
_DRAWN_ON_BLANKS = frozenset((4, 7, 9, 21, 51, 52, 53))


class Look(NamedTuple):
    """How a cell is drawn."""

    attributes: frozenset[int] = frozenset()
    color: str = ""
    background: str = ""
    link: str = ""


Cell = tuple[str, Look]


class CellTerminal:
    """Cells of (character, look). The second half of a wide character is an empty string."""

    def __init__(self, columns: int, rows: int, *, repeats: bool = True) -> None:
        self.columns, self.rows = columns, rows
        self.repeats = repeats
        self.on_question: Callable[[int], None] = lambda column: None
        self.look = Look()
        self.x = self.y = 0
        self._margins = (0, rows)
        self.size = 0  # bytes fed
        self._last = " "
        self.cells: list[list[Cell]] = []
        self.spoil(" ")

    def spoil(self, char: str) -> None:
        """Somebody else has written all over the screen."""
        self.cells = [[(char, Look()) for _ in range(self.columns)] for _ in range(self.rows)]

    def resize(self, columns: int, rows: int) -> None:
        """Another size; what becomes of the cells nobody should rely on."""
        self.columns, self.rows = columns, rows
        self._margins = (0, rows)
        self.spoil("#")

    def feed(self, data: str) -> None:
        """Obey. Fails on what it does not know."""
        self.size += len(data.encode())
        position = 0
        while position < len(data):
            token = _TOKEN.match(data, position)
            assert token, f"not known: {data[position : position + 20]!r}"
            position = token.end()
            if token["text"]:
                self._write(token["text"])
            elif token["control"] == "\r":
                self.x = 0
            elif token["control"] == "\n":
                self.y = min(self.y + 1, self.rows - 1)
            elif token["osc"] is not None:
                self._osc(token["osc"])
            elif not token["private"] and not token["middle"]:
                self._obey(token["final"], [int(word or 0) for word in token["words"].split(";")])
            elif (token["private"], token["words"], token["final"]) == ("?", "1049", "h"):
                self.spoil(" ")

    @property
    def text(self) -> str:
        """Characters, line by line."""
        return "\n".join("".join(char for char, _ in row) for row in self.cells)

    def _obey(self, final: str, words: list[int]) -> None:
        count = max(1, words[0])
        match final:
            case "H":
                self.y = min(count, self.rows) - 1
                self.x = min(max(1, words[1]) if len(words) > 1 else 1, self.columns) - 1
            case "G":
                self.x = min(count, self.columns) - 1
            case "C":
                self.x = min(self.x + count, self.columns - 1)
            case "K":
                assert words == [0]
                self._blank(self.x, self.columns)
            case "r":
                top, bottom = words if len(words) == 2 else (1, self.rows)
                self._margins = (top - 1, bottom)
                self.x = self.y = 0
            case "L" | "M":
                self._scroll(count if final == "M" else -count)
            case "X":
                self._blank(self.x, min(self.x + count, self.columns))
            case "b":
                for _ in range(count if self.repeats else 0):
                    self._put(self._last)
            case "m":
                self._pick(words)
            case "n":
                assert words == [6]
                self.on_question(self.x)
            case _:
                raise AssertionError(f"not known: CSI {words} {final}")

    def _osc(self, text: str) -> None:
        if text.startswith("8;"):
            self.look = self.look._replace(link=text[2:].strip(";"))

    def _write(self, text: str) -> None:
        end = self.x + len(text)
        if not text.isascii() or end > self.columns:
            for char in text:
                self._put(char)
            return
        self._last = text[-1]
        self._break(self.x)
        self._break(end - 1)
        self.cells[self.y][self.x : end] = [(char, self.look) for char in text]
        self.x = end

    def _put(self, char: str) -> None:
        """Write where the cursor is; at the end of the line it stays on the last column."""
        width = _width(char)
        row = self.cells[self.y]
        if not width:
            at = self.x - 1
            while at > 0 and not row[at][0]:
                at -= 1
            row[at] = (row[at][0] + char, row[at][1])
            return
        self._last = char
        self.x = min(self.x, self.columns - width)
        for x in range(self.x, self.x + width):
            self._break(x)
        row[self.x] = (char, self.look)
        if width == 2:
            row[self.x + 1] = ("", self.look)
        self.x += width

    def _scroll(self, up: int) -> None:
        """Move lines from the cursor's on to the lower margin; what becomes free holds what nobody should rely on."""
        top, bottom = self._margins
        assert top <= self.y < bottom
        lines = self.cells[self.y : bottom]
        free = [[("?", self.look)] * self.columns for _ in range(abs(up))]
        self.cells[self.y : bottom] = [*lines[up:], *free] if up > 0 else [*free, *lines[:up]]
        self.x = 0

    def _blank(self, start: int, end: int) -> None:
        assert not self.look.background, "terminals differ in what they erase to"
        assert not self.look.attributes & _DRAWN_ON_BLANKS
        for x in range(start, end):
            self._break(x)
            self.cells[self.y][x] = (" ", Look())

    def _break(self, x: int) -> None:
        row = self.cells[self.y]
        if not row[x][0] and x:
            row[x - 1] = (" ", row[x - 1][1])
        if x + 1 < self.columns and not row[x + 1][0]:
            row[x + 1] = (" ", row[x + 1][1])

    def _pick(self, words: list[int]) -> None:
        attributes, color, background = set(self.look.attributes), self.look.color, self.look.background
        words = list(words)
        while words:
            word = words.pop(0)
            if word in (38, 48):
                kind = words.pop(0)
                named = f"{kind}:{','.join(str(words.pop(0)) for _ in range({5: 1, 2: 3}[kind]))}"
                color, background = (named, background) if word == 38 else (color, named)
            elif word == 0:
                attributes, color, background = set(), "", ""
            elif word in _OFF:
                attributes -= _OFF[word]
            elif word == 39 or 30 <= word < 38 or 90 <= word < 98:
                color = "" if word == 39 else str(word)
            elif word == 49 or 40 <= word < 48 or 100 <= word < 108:
                background = "" if word == 49 else str(word)
            else:
                assert word in (1, 2, 3, 5, 6, 8) or word in _DRAWN_ON_BLANKS, word
                attributes.add(word)
        self.look = _known(Look(frozenset(attributes), color, background, self.look.link))


@lru_cache(maxsize=4096)
def _known(look: Look) -> Look:
    """The same object for the same look, so that cells compare quickly."""
    return look


@lru_cache(maxsize=4096)
def _width(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


def _seen(cell: Cell) -> Cell:
    """Of a blank only the ground is seen."""
    char, look = cell
    if char != " " or look.link or look.attributes & _DRAWN_ON_BLANKS:
        return cell
    return char, Look(background=look.background)


def differences(one: CellTerminal, other: CellTerminal) -> list[str]:
    """Cells that do not look alike, each said in words."""
    return [
        f"column {x} of row {y}: {left!r} and {right!r}"
        for y, rows in enumerate(zip(one.cells, other.cells, strict=True))
        if rows[0] != rows[1]
        for x, (left, right) in enumerate(zip(*rows, strict=True))
        if left != right and _seen(left) != _seen(right)
    ]
