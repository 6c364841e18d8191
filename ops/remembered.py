"""What was derived, kept until what it was derived from changes."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar

T = TypeVar("T")


class Remembered:
    """Values by name, each with the stamp of what it was made from."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[Hashable, object]] = {}

    def get(self, what: str, stamp: Hashable, make: Callable[[], T]) -> T:
        """The value that was made under this stamp, else a new one."""
        held = self._held.get(what)
        if held is None or held[0] != stamp:
            held = (stamp, make())
            self._held[what] = held
        return held[1]  # type: ignore[return-value]

    def forget(self, what: str) -> None:
        """Make it anew when it is next asked for."""
        self._held.pop(what, None)
