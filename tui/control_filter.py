"""The second line of defence: nothing a widget draws may carry a character that a terminal obeys.

The first is `backends.text.clean`, at the border. This one needs no trust in anybody having called it.
"""

from __future__ import annotations

import re

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

OBEYED = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
"""C0, C1, soft hyphen, bidi, zero width, separators, BOM, interlinear and tag characters."""


class ControlFilter(LineFilter):
    """Replaces what a terminal would obey by a visible mark."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The segments, harmless."""
        return [
            segment
            if segment.control is None and not OBEYED.search(segment.text)
            else Segment(OBEYED.sub("¿", segment.text), segment.style)
            for segment in segments
        ]
