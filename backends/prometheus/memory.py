"""What outlives a feed: the supervisor makes a new one after each failure, and what died meanwhile must stay known."""

from __future__ import annotations

from .fleet import Fleet
from .sample_times import SampleTimes


class Memory:
    """Rows with their last values, when they were sampled, and since when targets fail."""

    def __init__(self) -> None:
        self.fleet = Fleet()
        self.times = SampleTimes()
        self.failing_since: dict[tuple[str, str], float] = {}
