"""Node names as one word: `gpu[001-064]`. Names that come from this are read back by ClusterShell."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

_NUMBERED = re.compile(r"(.*?)(\d{1,9})(\D*)\Z")


def fold(names: Iterable[str]) -> str:
    """Fold names by their last number. Numbers of another length stand alone: `gpu[1-9],gpu[10-12]`."""
    alone: list[str] = []
    numbered: dict[tuple[str, int, str], list[int]] = defaultdict(list)
    for name in set(names):
        match = _NUMBERED.match(name)
        if match is None:
            alone.append(name)
        else:
            prefix, digits, suffix = match.groups()
            numbered[prefix, len(digits), suffix].append(int(digits))
    folded = [_folded(prefix, width, suffix, numbers) for (prefix, width, suffix), numbers in sorted(numbered.items())]
    return ",".join([*folded, *sorted(alone)])


def _folded(prefix: str, width: int, suffix: str, numbers: list[int]) -> str:
    if len(numbers) == 1:
        return f"{prefix}{numbers[0]:0{width}d}{suffix}"
    ranges: list[list[int]] = []
    for number in sorted(numbers):
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    words = (f"{low:0{width}d}" if low == high else f"{low:0{width}d}-{high:0{width}d}" for low, high in ranges)
    return f"{prefix}[{','.join(words)}]{suffix}"
