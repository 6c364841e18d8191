"""The first frame: a few bytes on the terminal before the screen's library is imported.

Importing it takes a tenth of a second, on a loaded login node much more; an operator who sees at once that something
happens does not press the key again. It shows no data, so it cannot be stale, and the cockpit paints over all of it.
"""

from __future__ import annotations

import os
import sys

_ENTER = "\x1b[?1049h\x1b[H\x1b[2J\x1b[?25l"
_LEAVE = "\x1b[?25h\x1b[?1049l"


def show(clusters: list[str], *, read_only: bool) -> None:
    """Write the frame. Cluster names come from the configuration, whose loader allows plain letters only."""
    quiet = "NO_COLOR" in os.environ
    bold, plain = ("", "") if quiet else ("\x1b[1m", "\x1b[0m")
    mode = "  READ-ONLY" if read_only else ""
    sys.stdout.write(f"{_ENTER} {bold}✚ crashcart{plain}  {', '.join(clusters)}{mode}\r\n\r\n ◌ loading …")
    sys.stdout.flush()


def take_away() -> None:
    """Give the terminal back, when the cockpit could not start."""
    sys.stdout.write(_LEAVE)
    sys.stdout.flush()
