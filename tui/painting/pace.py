"""When the next piece may be written, so that a key is answered soon however slow the link is.

On a slow link the kernel, the SSH connection and the terminal hold megabytes of what was painted; what is painted after
a key waits behind all of it. So a slow link gets one small piece at a time, with the question where the cursor is
behind it, and the next piece goes out when the terminal has answered. Refreshes come at most twice a second; what a
key changed goes first.
"""

from __future__ import annotations

QUESTION = "\x1b[6n"
"""Where is the cursor? Known to every terminal; Textual takes the answer out of the keys."""

REFRESH_SECONDS = 0.5
KEY_SECONDS = 0.3
"""What is painted within this time after a key is thought to be its answer."""

PIECE_BYTES = 1_200
"""An eighth of a second at 9.6 kB/s."""

LOST_SECONDS = 5.0
"""An answer that did not come in this time is not waited for."""

LAG_SECONDS = 1.0
"""A terminal that takes longer than this for what is written cannot keep up."""

PROBE_SECONDS = 10.0
"""On a link that is not known to be slow the question is asked this often; after a late answer sooner."""


class Pace:
    """Moments are monotonic seconds."""

    def __init__(self) -> None:
        self.is_slow = False
        self.round_trip: float | None = None  # seconds, the last one
        self._asked_at: float | None = None
        self._probed_at = 0.0
        self._opened_at = -REFRESH_SECONDS
        self._unanswered = 0

    @property
    def limit(self) -> int | None:
        """Bytes after which a piece ends."""
        return PIECE_BYTES if self.is_slow else None

    def is_urgent(self, key_at: float, now: float) -> bool:
        """Whether what is painted now is what a key changed."""
        return now - key_at <= KEY_SECONDS

    def until_refresh(self, key_at: float, now: float) -> float:
        """Seconds until the next refresh may begin."""
        if not self.is_slow or self.is_urgent(key_at, now):
            return 0.0
        return max(0.0, self._opened_at + REFRESH_SECONDS - now)

    def opened(self, now: float) -> None:
        """A refresh begins."""
        self._opened_at = now

    def until_answer(self, now: float) -> float:
        """Seconds to wait for the terminal to answer, at most."""
        if self._asked_at is None or not self.is_slow:
            return 0.0
        left = self._asked_at + LOST_SECONDS - now
        if left <= 0:
            self._asked_at = None
            self._unanswered += 1
        return max(0.0, left)

    @property
    def is_waiting(self) -> bool:
        """Whether a question is open."""
        return self._asked_at is not None

    def question(self, now: float) -> str:
        """What to write behind a piece. A terminal that never answers is not asked for ever."""
        is_late = self.round_trip is not None and self.round_trip > LAG_SECONDS
        pause = 0.0 if self.is_slow else LAG_SECONDS if is_late else PROBE_SECONDS
        if self._unanswered > 1 or now - self._probed_at < pause:
            return ""
        if self._asked_at is not None:
            self._unanswered += 1
        self.asked(now)
        return QUESTION

    def asked(self, now: float) -> None:
        """A question was written."""
        self._asked_at = self._probed_at = now

    def answered(self, when: float) -> None:
        """The terminal has shown all that was written before it was asked."""
        if self._asked_at is not None:
            self.round_trip = max(0.0, when - self._asked_at)
        self._asked_at = None
        self._unanswered = 0
