"""How many targets all operators act on: a limit that each counts alone is no limit for a crowd in an incident.

Everybody appends to a file of their own in the shared directory, so nobody can take away from anybody else's count.
"""

from __future__ import annotations

import re

from .approvals_shelf import Shelf

HOUR = 3600.0
_LINE = re.compile(r"([0-9]{1,12}) ([0-9]{1,5})\Z")


class Tally:
    """Lines `SECONDS COUNT` in `tally.UID`. Raises ApprovalsUnavailable."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def add(self, now: float, count: int) -> None:
        """Count these targets as ours, with whatever is still within the hour."""
        mine = [(when, number) for when, number in _lines(self._shelf.own_tally()) if when > now - HOUR]
        text = "".join(f"{when} {number}\n" for when, number in [*mine, (int(now), count)])
        self._shelf.put_tally(text.encode())

    def others(self, now: float) -> int:
        """Targets that everybody else acted on within the hour before `now`."""
        return sum(
            count
            for raw in self._shelf.other_tallies()
            for when, count in _lines(raw)
            if now - HOUR < when <= now + HOUR
        )


def _lines(raw: bytes) -> list[tuple[int, int]]:
    found = (_LINE.match(line) for line in raw.decode("ascii", "replace").splitlines())
    return [(int(match[1]), int(match[2])) for match in found if match]
