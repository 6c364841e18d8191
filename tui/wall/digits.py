"""Numbers that can be read across a room: digits of 3x5 dots, drawn 3, 5 or 10 lines high."""

from __future__ import annotations

from typing import Literal

Scale = Literal[1, 2, 4]
"""1: half blocks, 3 lines; 2: two cells a dot, 5 lines; 4: four cells by two lines a dot, 10 lines."""

SCALES: tuple[Scale, ...] = (4, 2, 1)
DOTS = 5
_GLYPHS = {
    "0": "###|#.#|#.#|#.#|###", "1": ".#.|##.|.#.|.#.|###", "2": "###|..#|###|#..|###", "3": "###|..#|.##|..#|###",
    "4": "#.#|#.#|###|..#|..#", "5": "###|#..|###|..#|###", "6": "###|#..|###|#.#|###", "7": "###|..#|..#|.#.|.#.",
    "8": "###|#.#|###|#.#|###", "9": "###|#.#|###|..#|###", "?": "###|..#|.##|...|.#.", "%": "#.#|..#|.#.|#..|#.#",
    "k": "#..|#.#|##.|#.#|#.#", ".": "..|..|..|..|#.", "–": "...|...|###|...|...", "≥": "#..|.#.|#..|...|##.",
    "A": "###|#.#|###|#.#|#.#", "D": "##.|#.#|#.#|#.#|##.", "L": "#..|#..|#..|#..|###", "O": "###|#.#|#.#|#.#|###",
    "T": "###|.#.|.#.|.#.|.#.", " ": "..|..|..|..|..",
}  # fmt: skip
_HALVES = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}
_LINES: dict[Scale, int] = {1: 3, 2: 5, 4: 10}


def lines_of(scale: Scale) -> int:
    """How many lines these digits are high."""
    return _LINES[scale]


def width_in(text: str, scale: Scale) -> int:
    """Cells that the text takes."""
    dots = sum(len(_GLYPHS[character].partition("|")[0]) for character in text) + max(0, len(text) - 1)
    return dots * scale


def drawn(text: str, scale: Scale, *, hatched: bool = False) -> list[str]:
    """The text in block digits; `hatched` where it may no longer be true. Raises KeyError for what is no digit."""
    rows = [".".join(_GLYPHS[character].split("|")[row] for character in text) for row in range(DOTS)]
    if scale == 1:
        return _halved(rows, hatched)
    ink = ("▒" if hatched else "█") * scale
    blank = " " * scale
    big = ["".join(ink if dot == "#" else blank for dot in row) for row in rows]
    return [row for row in big for _ in range(scale // 2)]


def _halved(rows: list[str], hatched: bool) -> list[str]:
    pairs = [(rows[0], rows[1]), (rows[2], rows[3]), (rows[4], "." * len(rows[4]))]
    lines = ["".join(_HALVES[(a == "#", b == "#")] for a, b in zip(*pair, strict=True)) for pair in pairs]
    return [line.replace("█", "▒") for line in lines] if hatched else lines


def short(number: int | None) -> str:
    """At most four characters: `0`, `9999`, `12k`; `?` when not known."""
    if number is None:
        return "?"
    return str(number) if number < 10_000 else f"{number // 1000}k"
