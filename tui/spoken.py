"""What people call the things that are selected: an alert by its name, not by its fingerprint."""

from __future__ import annotations

from crashcart.ops.targets import fold

from . import words
from .selection import Selection
from .shown import Shown

LONGEST = 40


def spoken(shown: Shown, selection: Selection) -> str:
    """`gpu[01-04]`, `GpuXidError`, `3 alerts`: short enough for a title."""
    count = len(selection.targets)
    if selection.kind == "node" and count > 1:
        names = fold(selection.targets)
    else:
        names = ", ".join(_name(shown, selection, target) for target in selection.targets)
    return names if count == 1 or len(names) <= LONGEST else words.plural(count, selection.kind)


def _name(shown: Shown, selection: Selection, target: str) -> str:
    key = f"{selection.cluster}/{target}"
    if selection.kind == "alert" and key in shown.store.alerts:
        return shown.store.alerts[key].name
    return target[:8] if selection.kind == "silence" else target
