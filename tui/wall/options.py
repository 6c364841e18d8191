"""One line describes a whole wall: which pages, how long each, how large, and what visitors may not read."""

from __future__ import annotations

import re
from dataclasses import dataclass

PAGES = ("overview", "heatmap", "queues", "alerts", "jobs")
MASKS = ("users", "jobs")
SHORTEST_SECONDS, LONGEST_SECONDS = 2.0, 86_400.0
SMALLEST = (20, 6)
LARGEST = (1000, 500)
LOOPBACK = "127.0.0.1"
EVERYWHERE = ("0.0.0.0", "::", "0")  # noqa: S104 - refused
_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class WallOptions:
    """`size` None is that of the terminal; `clusters` () are all."""

    pages: tuple[str, ...] = PAGES
    every_seconds: float = 20.0
    clusters: tuple[str, ...] = ()
    size: tuple[int, int] | None = None
    masks: frozenset[str] = frozenset()


def words_of(text: str, allowed: tuple[str, ...], what: str) -> tuple[str, ...]:
    """`a,b` as words that are all allowed. Raises ValueError with what is wrong."""
    found = tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
    wrong = [word for word in found if word not in allowed]
    if wrong or not found:
        said = f"there is no {what} {wrong[0]!r}" if wrong else f"no {what} is named"
        raise ValueError(f"{said}; there are: {', '.join(allowed)}")
    return found


def seconds_of(text: str) -> float:
    """`20s`, `2m`, `30`. Raises ValueError with what is wrong."""
    found = re.fullmatch(r"(\d{1,6}(?:\.\d{1,3})?)([smh]?)", text)
    seconds = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if not SHORTEST_SECONDS <= seconds <= LONGEST_SECONDS:
        raise ValueError(f"{text!r} is not a time from 2s to 24h, e.g. 20s or 1m")
    return seconds


def size_of(text: str) -> tuple[int, int] | None:
    """`auto` or `WIDTHxHEIGHT` in cells. Raises ValueError with what is wrong."""
    if text == "auto":
        return None
    found = re.fullmatch(r"(\d{1,4})x(\d{1,4})", text)
    size = (int(found[1]), int(found[2])) if found else (0, 0)
    if not (SMALLEST[0] <= size[0] <= LARGEST[0] and SMALLEST[1] <= size[1] <= LARGEST[1]):
        raise ValueError(f"{text!r} is neither auto nor WIDTHxHEIGHT in cells from 20x6 on, e.g. 100x28")
    return size


@dataclass(frozen=True, slots=True)
class Address:
    """Where browsers reach the wall."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def address_of(text: str) -> Address:
    """`PORT` and `:PORT` on this machine alone, or `HOST:PORT`. Raises ValueError with what is wrong."""
    found = re.fullmatch(r"(?:(?:\[([0-9a-fA-F:]+)\]|([\w.-]*)):)?(\d{1,5})", text)
    host = (found[1] or found[2] or LOOPBACK) if found else ""
    if found is None or not 0 < int(found[3]) < 65_536:
        raise ValueError(f"{text!r} is not HOST:PORT, e.g. {LOOPBACK}:8080")
    if host in EVERYWHERE:
        raise ValueError(f"{host} is no address that a browser can open; say the one by which it reaches this machine")
    return Address(host, int(found[3]))
