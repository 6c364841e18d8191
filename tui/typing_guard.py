"""Tells keys that a person typed at this question from keys that piled up, were typed ahead or pasted.

A terminal that was blocked delivers all its keys at once when it comes back, and a paste without brackets looks like
typing. Nothing that acts may be confirmed by either.
"""

from __future__ import annotations

from crashcart.ops.clock import Clock

QUIET_SECONDS = 0.4
"""Keys this soon after the question appeared were meant for something else."""

BURST_GAP_SECONDS = 0.012
"""Closer together than fingers: 12 ms; the fastest typists' shortest intervals are about 30 ms."""

BURST_KEYS = 4
"""A bad link delivers two or three honest keys in one packet, so fewer than this is no burst."""


class TypingGuard:
    """Asked about every key, in order."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._opened = clock.monotonic()
        self._last = self._opened
        self._run = 1

    def is_early(self) -> bool:
        """Whether the question appeared only just now."""
        return self._clock.monotonic() - self._opened < QUIET_SECONDS

    def is_burst(self) -> bool:
        """Count this key; True when it came in a burst."""
        now = self._clock.monotonic()
        self._run = self._run + 1 if now - self._last < BURST_GAP_SECONDS else 1
        self._last = now
        return self._run >= BURST_KEYS

    @property
    def is_alone(self) -> bool:
        """Whether the key counted last came by itself: what a single-key answer needs."""
        return self._run == 1
