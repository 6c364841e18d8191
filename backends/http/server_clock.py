"""A server's clock, in terms of ours: what it dates is as old as it says, whatever this machine's clock shows."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime

SKEW_SECONDS = 2.0
"""A difference worth telling: times on the screen are right, those in other programs' logs are not."""

_PRECISION_SECONDS = 0.05
_DATE_PRECISION_SECONDS = 0.5
"""The Date of an answer has whole seconds; it is taken for the middle of them."""


class ServerClock:
    """How far a server is ahead of us, by its answers. `ours` makes its times comparable to `time.time()`."""

    def __init__(self) -> None:
        self.ahead_seconds = 0.0
        self.now = time.time()  # the server's time when it was asked for last
        self._is_measured = False

    def dated(self, date: str | None, sent: float, received: float) -> None:
        """It put this Date on an answer that came between these moments of our clock."""
        if date is None or received - sent > SKEW_SECONDS:
            return
        try:
            told = parsedate_to_datetime(date).timestamp() + _DATE_PRECISION_SECONDS
        except ValueError:
            return
        slack = _DATE_PRECISION_SECONDS * (2 if self._is_measured else 1)
        self._take(told - (sent + received) / 2.0, (received - sent) / 2.0 + slack)

    def measured(self, told: float, sent: float, received: float) -> None:
        """Asked for the time, it said `told`, Unix seconds, between these moments of our clock."""
        self.now = told
        self._take(told - (sent + received) / 2.0, (received - sent) / 2.0 + _PRECISION_SECONDS)

    def ours(self, told: float) -> float:
        """A time of the server on our clock, Unix seconds."""
        return told - self.ahead_seconds

    @property
    def when(self) -> float:
        """When it was asked for the time last, on our clock."""
        return self.ours(self.now)

    def _take(self, ahead: float, open_seconds: float) -> None:
        """What the round trip and the precision leave open is no news: times would tremble with it."""
        if abs(ahead - self.ahead_seconds) > open_seconds:
            self.ahead_seconds = ahead
        self._is_measured = True
