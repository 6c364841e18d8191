"""The server's clock, in terms of ours: samples are as old as the server says, whatever this machine's clock shows."""

from __future__ import annotations

import time

_PRECISION = 0.05
SKEW_SECONDS = 2.0
"""A difference worth telling: ages and times on the screen are right, other programs' logs are not."""


class ServerClock:
    """How far the server is ahead of us, measured by asking it for its time.

    Times from the server become ours by `ours`; with them every time in an item is comparable to `time.time()`.
    """

    def __init__(self) -> None:
        self.ahead_seconds = 0.0
        self.now = time.time()  # the server's time at the last measurement
        self._is_measured = False

    def measured(self, server_time: float, sent: float, received: float) -> None:
        """It said `server_time` between these two moments of our clock; what that leaves open is not taken as news."""
        self.now = server_time
        ahead = server_time - (sent + received) / 2.0
        if not self._is_measured or abs(ahead - self.ahead_seconds) > (received - sent) / 2.0 + _PRECISION:
            self.ahead_seconds = ahead
            self._is_measured = True

    def ours(self, server_time: float) -> float:
        """A time of the server on our clock."""
        return server_time - self.ahead_seconds

    @property
    def when(self) -> float:
        """The last measurement on our clock."""
        return self.ours(self.now)
