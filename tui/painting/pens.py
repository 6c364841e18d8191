"""A pen is how a cell looks apart from its character: the parameters of one SGR sequence, always in the same words.

Pens are plain strings, because a screen holds ten thousand of them and comparing strings is the cheapest thing there
is. What a pen shows of a blank is its `ground`: two blanks of one ground look alike whatever their letters would be.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from rich.color import ColorSystem
from rich.style import Style
from textual.strip import Strip

PLAIN = ""
RESET = "\x1b[m"
"""The pen after a reset, and the reset."""

_SEEN_ON_BLANKS = frozenset(("4", "7", "9", "21", "51", "52", "53"))
_OFF = {
    "1": "22", "2": "22", "3": "23", "4": "24", "5": "25", "6": "25", "7": "27", "8": "28", "9": "29", "21": "24",
    "51": "54", "52": "54", "53": "55",
}  # fmt: skip
_LINK = "\0"  # between the parameters and a link; no parameter holds it


class Parts(NamedTuple):
    """A pen taken apart. Colours are empty where the terminal chooses them."""

    attributes: tuple[str, ...]
    color: str
    background: str
    link: str


class _Pens(dict[str, str]):
    """From the parameters as Textual makes them to the pen."""

    def __missing__(self, raw: str) -> str:
        parameters, _, link = raw.partition(_LINK)
        pen = self[raw] = _pen(_parse(parameters, link))
        return pen


_PENS = _Pens()


def pen_of(style: Style | None, colors: ColorSystem) -> str:
    """The pen of a style. Textual keeps the parameters on the style, in the colours that this terminal has."""
    if style is None:
        return PLAIN
    raw = style._ansi
    if raw is None:
        raw = Strip.render_ansi(style, colors)
    if style._link:
        raw = f"{raw}{_LINK}id={style._link_id};{style._link}"
    return _PENS[raw]


def _parse(parameters: str, link: str) -> Parts:
    attributes: list[str] = []
    color = background = ""
    left = parameters.split(";") if parameters else []
    while left:
        first = left[0]
        size = {"5": 3, "2": 5}[left[1]] if first in ("38", "48") else 1
        words, left = ";".join(left[:size]), left[size:]
        code = int(first)
        if code in (39, 49):
            continue
        if 30 <= code < 39 or 90 <= code < 98:
            color = words
        elif 40 <= code < 49 or 100 <= code < 108:
            background = words
        else:
            attributes.append(first)
    return Parts(tuple(sorted(attributes)), color, background, link)


def _pen(parts: Parts) -> str:
    pen = ";".join((*parts.attributes, *filter(None, (parts.color, parts.background))))
    return f"{pen}{_LINK}{parts.link}" if parts.link else pen


@lru_cache(maxsize=16384)
def parts_of(pen: str) -> Parts:
    """A pen taken apart."""
    parameters, _, link = pen.partition(_LINK)
    return _parse(parameters, link)


class _Grounds(dict[str, str]):
    """From a pen to what it shows of a blank: a background, or all of the pen where it draws lines or is reversed."""

    def __missing__(self, pen: str) -> str:
        parts = parts_of(pen)
        is_drawn = bool(parts.link or _SEEN_ON_BLANKS.intersection(parts.attributes))
        ground = self[pen] = pen if is_drawn else parts.background
        return ground


GROUNDS = _Grounds()


@lru_cache(maxsize=16384)
def for_blanks(held: str, wanted: str) -> str:
    """The pen nearest to `held` that shows the blanks of `wanted`."""
    if GROUNDS[held] == GROUNDS[wanted]:
        return held
    have, want = parts_of(held), parts_of(wanted)
    if GROUNDS[wanted] != want.background or have.link or _SEEN_ON_BLANKS.intersection(have.attributes):
        return wanted
    return _pen(have._replace(background=want.background))


@lru_cache(maxsize=65536)
def change(held: str, wanted: str) -> str:
    """The shortest sequence from one pen to another."""
    if held == wanted:
        return ""
    have, want = parts_of(held), parts_of(wanted)
    link = f"\x1b]8;{want.link or ';'}\x1b\\" if have.link != want.link else ""
    whole = _pen(want._replace(link=""))
    anew = f"0;{whole}" if whole else ""
    parameters = min(anew, _steps(have, want), key=len) if have[:3] != want[:3] else None
    return link if parameters is None else f"{link}\x1b[{parameters}m"


def _steps(have: Parts, want: Parts) -> str:
    """Parameters that change only what differs."""
    gone = [one for one in have.attributes if one not in want.attributes]
    off = {_OFF[one] for one in gone}
    kept = [one for one in have.attributes if one in want.attributes and _OFF[one] not in off]
    steps = [*sorted(off), *(one for one in want.attributes if one not in kept)]
    if have.color != want.color:
        steps.append(want.color or "39")
    if have.background != want.background:
        steps.append(want.background or "49")
    return ";".join(steps)
