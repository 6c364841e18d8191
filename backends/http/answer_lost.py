"""No answer, and what that leaves open: over a connection that was there the request may have been received."""

from __future__ import annotations

from crashcart.backends.errors import Unreachable


class AnswerLost(Unreachable):
    """A connection was there and no whole answer came: the request may have been received."""


def no_answer(where: str, seconds: float, *, what: str = "", has_connected: bool) -> Unreachable:
    """Nothing came from `where` within `seconds`; `what` was asked."""
    kind = AnswerLost if has_connected else Unreachable
    asked = f" to {what}" if what else ""
    return kind(f"{where}: no answer{asked} within {seconds:.3g} s; look at its load, or raise timeout_seconds")
