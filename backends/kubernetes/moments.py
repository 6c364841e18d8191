"""Times in API objects on our clock."""

from __future__ import annotations

from datetime import datetime

from crashcart.backends.http.server_clock import ServerClock


def moment(clock: ServerClock, told: datetime | None) -> float | None:
    """Unix seconds; None for the zero time, which Go writes for "never"."""
    if told is None or told.year < 1971:
        return None
    return clock.ours(told.timestamp())
