"""Which page is up: each for its time, unless somebody holds it or a new critical alert has stopped the round."""

from __future__ import annotations

from collections.abc import Hashable

HOLD_SECONDS = 900.0
"""A hold that nobody ends, ends: whoever leaned on the space bar is gone."""

PINNED_PAGES = ("alerts", "overview")
"""Where a critical alert is shown, the better one first."""


class Rotation:
    """Fed with the time (monotonic seconds) and the critical alerts that fire."""

    def __init__(self, pages: tuple[str, ...], every_seconds: float, now: float) -> None:
        self.pages = pages
        self._every = every_seconds
        self._index = 0
        self._turned = now
        self._held_since: float | None = None
        self._known: frozenset[Hashable] | None = None
        self.pinned: frozenset[Hashable] = frozenset()

    @property
    def page(self) -> str:
        return self.pages[self._index]

    @property
    def position(self) -> tuple[int, int]:
        """`(2, 5)`: the second of five."""
        return self._index + 1, len(self.pages)

    @property
    def is_held(self) -> bool:
        return self._held_since is not None

    def left_seconds(self, now: float) -> float | None:
        """Until the next page; None while the round is stopped."""
        if self.pinned or self.is_held or len(self.pages) == 1:
            return None
        return max(0.0, self._turned + self._every - now)

    def criticals(self, firing: frozenset[Hashable], fresh: frozenset[Hashable], now: float) -> None:
        """Take in all critical alerts that fire; of those that fire at the start only `fresh` ones are new."""
        new = (firing & fresh) if self._known is None else firing - self._known
        self._known = firing
        self.pinned = (self.pinned & firing) | new
        if new:
            self._show_pinned(now)

    def tick(self, now: float) -> None:
        """Turn to the next page when it is time, and back to the critical alert when somebody has looked elsewhere."""
        if self._held_since is not None and now - self._held_since >= HOLD_SECONDS:
            self._held_since = None
        if now - self._turned < self._every:
            return
        if self.pinned:
            self._show_pinned(now)
        elif not self.is_held:
            self.turn(1, now)

    def turn(self, pages: int, now: float) -> None:
        """Some pages on or back."""
        self._index = (self._index + pages) % len(self.pages)
        self._turned = now

    def hold(self, now: float) -> None:
        """Stop on this page, or go on."""
        self._held_since = None if self.is_held else now
        self._turned = now

    def _show_pinned(self, now: float) -> None:
        page = next((page for page in PINNED_PAGES if page in self.pages), self.page)
        self._index = self.pages.index(page)
        self._turned = now
