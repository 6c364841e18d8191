"""The server's clock, in terms of ours: what it dates is as old as it says, whatever this machine's clock shows."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

_PRECISION_SECONDS = 0.5
"""The Date of an answer has whole seconds; it is taken for the middle of them."""

SKEW_SECONDS = 2.0
"""A difference worth telling: times on the screen are right, those in other programs' logs are not."""


class ServerClock:
    """How far the server is ahead of us, by the Date of its answers."""

    def __init__(self) -> None:
        self.ahead_seconds = 0.0
        self._is_measured = False

    def measured(self, date: str | None, sent: float, received: float) -> None:
        """It dated an answer that came between these moments of our clock; what that leaves open is no news."""
        if date is None or received - sent > SKEW_SECONDS:
            return
        try:
            told = parsedate_to_datetime(date).timestamp() + _PRECISION_SECONDS
        except ValueError:
            return
        ahead = told - (sent + received) / 2.0
        open_seconds = (received - sent) / 2.0 + _PRECISION_SECONDS
        if abs(ahead - self.ahead_seconds) > open_seconds + (_PRECISION_SECONDS if self._is_measured else 0.0):
            self.ahead_seconds = ahead
        self._is_measured = True

    def ours(self, told: float) -> float:
        """A time of the server on our clock, Unix seconds."""
        return told - self.ahead_seconds
