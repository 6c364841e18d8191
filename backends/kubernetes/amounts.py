"""Quantities of Kubernetes as numbers, and which resources are GPUs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_QUANTITY = re.compile(r"([+-]?\d{1,18}(?:\.\d{1,9})?)(?:([eE][+-]?\d{1,2})|([numkMGTPE]|[KMGTPE]i))?\Z")
_FACTORS = {
    "n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18,
    "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40, "Pi": 2.0**50, "Ei": 2.0**60,
}  # fmt: skip
_REMEMBERED = 4096
_known: dict[str, float | None] = {}


def amount(told: str | int | float | None) -> float | None:
    """`500m` is 0.5, `2Ti` is 2 * 2**40; None for what is no quantity."""
    if not isinstance(told, str):
        return None if told is None else float(told)
    if told not in _known:
        if len(_known) > _REMEMBERED:
            _known.clear()
        _known[told] = _parsed(told)
    return _known[told]


def _parsed(told: str) -> float | None:
    match = _QUANTITY.match(told)
    if match is None:
        return None
    number, exponent, suffix = match.groups()
    return float(number + (exponent or "")) * _FACTORS.get(suffix or "", 1.0)


class GpuResources:
    """Which resource names are GPUs; `*` at an end stands for anything."""

    def __init__(self, names: Iterable[str]) -> None:
        names = tuple(names)
        self._exact = frozenset(name for name in names if not name.endswith("*"))
        self._prefixes = tuple(name[:-1] for name in names if name.endswith("*"))
        self._known: dict[str, bool] = {}

    def __contains__(self, name: str) -> bool:
        known = self._known.get(name)
        if known is None:
            known = name in self._exact or (bool(self._prefixes) and name.startswith(self._prefixes))
            if len(self._known) < _REMEMBERED:
                self._known[name] = known
        return known

    def count(self, amounts: Mapping[str, str | int | float] | None) -> int:
        """How many GPUs these are, over all names."""
        if not amounts:
            return 0
        return int(sum(amount(told) or 0.0 for name, told in amounts.items() if name in self))

    def names(self, amounts: Mapping[str, str | int | float] | None) -> list[str]:
        """Names of the GPU resources that there are some of, sorted."""
        return sorted(name for name, told in (amounts or {}).items() if name in self and amount(told))
