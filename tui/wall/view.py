"""The only widget of a wall: it paints a frame's lines, those that changed."""

from __future__ import annotations

from collections.abc import Callable

from rich.style import Style
from textual.geometry import Size
from textual.strip import Strip

from crashcart.tui.cells import strip_of
from crashcart.tui.look import Look
from crashcart.tui.widgets.lines import LineWidget

from .frame import Frame
from .strip import HEIGHT as STRIP_LINES

SHIFT_SECONDS = 300.0
SHIFTS = ((0, 0), (1, 0), (1, 1), (0, 1))
"""Where the picture stands by turns, against burn-in."""


class WallView(LineWidget):
    """`make` gives the frame of a size; `size` None is that of the terminal."""

    def __init__(self, look: Look, make: Callable[[int, int], Frame], size: tuple[int, int] | None) -> None:
        super().__init__(look, id="wall")
        self._make = make
        self._wanted = size
        self._frame: Frame | None = None
        self._framed: tuple[Size, float] | None = None
        self._left = self._top = 0

    def begin_frame(self) -> None:
        moment = (self.size, self.look.clock.monotonic())
        if moment != self._framed or self._frame is None:
            self._framed = moment
            self._take_frame()

    def again(self) -> None:
        """Something changed in the same moment."""
        self._framed = None
        self.repaint()

    def _take_frame(self) -> None:
        width, height = self.size
        wanted = self._wanted or (width, height)
        across, down = min(width, wanted[0]), min(height, wanted[1])
        shift = SHIFTS[int(self.look.clock.monotonic() // SHIFT_SECONDS) % len(SHIFTS)]
        self._left, self._top = (width - across) // 2 + shift[0], (height - down) // 2 + shift[1]
        self._frame = self._make(max(1, across - 1), max(1, down - 1))

    def draw_line(self, y: int, width: int) -> Strip:
        frame, line = self._frame, y - self._top
        if frame is None or not 0 <= line < len(frame.lines):
            return self.line(width=width)
        is_strip = line < STRIP_LINES
        inverted = frame.is_old and line >= frame.body
        parts = [(" " * self._left, self.style())]
        parts += [(text, self._style_of(role, is_strip, inverted)) for text, role in frame.lines[line]]
        return strip_of(parts, width, self.style())

    def _style_of(self, role: str, is_strip: bool, inverted: bool) -> Style:
        palette = self.look.palette
        if role.startswith("badge"):
            return palette.role(role)
        if (
            inverted
        ):  # in one colour: nothing on it may look well or bad, and dimmed text would make a ground of its own
            return palette.on("background", "strong" if role == "strong" else "text") + Style(reverse=True)
        return palette.on("panel" if is_strip else "background", role)
