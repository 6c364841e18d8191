"""A cockpit over a slow link: what it wears, and how it is offered to an operator whose terminal cannot keep up.

How it paints is `painting.pace`: small pieces, one at a time, keys first, a refresh at most twice a second.
"""

from __future__ import annotations

from collections.abc import Mapping

from crashcart.themes.loader import MONO

from .cells import Span
from .painting.meter import Meter
from .theme_choice import SIXTEEN, choose_theme
from .words import UNKNOWN, size

WORD = "slow-link"
"""The command, and the option."""

OFFER = f"This terminal takes more than a second for what is painted. :{WORD} paints less: 16 colours, twice a second."
ON = f"Painting for a slow link: 16 colours, at most two refreshes a second. :{WORD} again ends it."
OFF = "Painting for a fast link again."


class Dress:
    """The theme for either kind of link; what was worn before a slow one comes back after it."""

    def __init__(self) -> None:
        self._before: str | None = None

    def change(self, worn: str, environment: Mapping[str, str], *, is_slow: bool) -> str:
        """The theme to wear from now on."""
        if not is_slow:
            return self._before or choose_theme(None, environment)
        self._before = worn
        return theme_for_slow_link(environment)


def theme_for_slow_link(environment: Mapping[str, str]) -> str:
    """The terminal's own sixteen colours have the shortest names; none are shorter still where none are wanted."""
    return MONO if choose_theme(None, environment) == MONO else SIXTEEN


def rate(meter: Meter) -> str:
    """Bytes a second, in words."""
    return UNKNOWN if meter.rate is None else f"{size(meter.rate)}/s"


def strip_spans(meter: Meter) -> list[Span]:
    """For the status strip: nothing on a fast link."""
    return [(f"⇣ {rate(meter)}   ", "faint")] if meter.is_slow_link else []
