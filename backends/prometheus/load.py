"""What our queries cost, and how much more may be asked: a cockpit must not become the load of what it watches."""

from __future__ import annotations

import time
from typing import NamedTuple

from crashcart.backends.model import Load, RequestLoad

SHARE = 0.04
"""Part of one core of the server that our queries may take; some of what they cost it is in none of its figures."""

_LONGEST_SAVING = 3.0
_DEEPEST_DEBT = -1.0
_ENCODING_SECONDS = 4e-8  # a byte: what a server spends on writing an answer, which it does not count
_SERVER_PART = 0.5
"""Part of the time we waited that counts as the server's where it does not tell its own."""


class Cost(NamedTuple):
    """Of one request: seconds with the network, bytes, rows, and what the server says of itself."""

    seconds: float
    size_bytes: int
    rows: int
    server_seconds: float | None = None
    server_samples: int | None = None


class Ledger:
    """Costs by request, and the server seconds that are left to spend."""

    def __init__(self) -> None:
        self._loads: dict[str, RequestLoad] = {}
        self._asked: dict[str, float] = {}
        self._credit = 0.0
        self._earned = time.monotonic()

    def note(self, what: str, cost: Cost) -> None:
        """A request was answered."""
        now = time.monotonic()
        every = now - self._asked[what] if what in self._asked else 0.0
        self._asked[what] = now
        self._loads[what] = RequestLoad(what, every, *cost)
        spent = cost.seconds * _SERVER_PART if cost.server_seconds is None else cost.server_seconds
        self._earn(now)
        self._credit = max(_DEEPEST_DEBT, self._credit - spent - cost.size_bytes * _ENCODING_SECONDS)

    def affords_more(self) -> bool:
        """Whether what may wait may be asked now."""
        self._earn(time.monotonic())
        return self._credit > 0.0

    def server_seconds(self, what: str) -> float:
        """What this request took the server last time, 0 when it was never asked."""
        load = self._loads.get(what)
        if load is None:
            return 0.0
        return load.seconds * _SERVER_PART if load.server_seconds is None else load.server_seconds

    def item(self, source: str, cluster: str, when: float) -> Load:
        """All repeated requests and their costs."""
        return Load(source, cluster, when, tuple(self._loads[what] for what in sorted(self._loads)))

    def _earn(self, now: float) -> None:
        self._credit = min(_LONGEST_SAVING, self._credit + (now - self._earned) * SHARE)
        self._earned = now
