"""The order people expect of names with numbers in them: gpu9 before gpu10."""

from __future__ import annotations

import re
from functools import lru_cache

_DIGITS = re.compile(r"(\d+)")


@lru_cache(maxsize=131_072)
def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """A sort key; remembered, because every refresh asks for the same names."""
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in _DIGITS.split(name) if part)
