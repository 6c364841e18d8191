"""Which theme to begin with, from what was asked for and what the terminal can do."""

from __future__ import annotations

from collections.abc import Mapping

from crashcart.themes.loader import DEFAULT, MONO

SIXTEEN = "ansi"
_POOR_TERMINALS = frozenset(("linux", "screen", "xterm", "vt100", "vt220", "ansi", "tmux", "rxvt"))


def choose_theme(asked: str | None, environment: Mapping[str, str]) -> str:
    """The asked one, else `mono` for NO_COLOR (https://no-color.org), the terminal's sixteen where it has no more."""
    if asked:
        return asked
    if environment.get("NO_COLOR"):
        return MONO
    term = environment.get("TERM", "")
    if term == "dumb":
        return MONO
    if term in _POOR_TERMINALS and environment.get("COLORTERM", "") not in ("truecolor", "24bit"):
        return SIXTEEN
    return DEFAULT
