"""What every widget needs to draw: the palette of the moment and the clock that ages are counted by."""

from __future__ import annotations

from dataclasses import dataclass

from crashcart.ops.clock import Clock

from .palette import Palette


@dataclass(slots=True)
class Look:
    """Shared by all widgets of an app; changing the theme replaces `palette`."""

    palette: Palette
    clock: Clock
