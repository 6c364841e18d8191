"""The base of every widget of ours: it says what each of its lines looks like, and only lines that differ are painted.

Whatever changed - data, the cursor, an age - the widget is told `repaint()`; it draws its visible lines, compares them
with those on the terminal and refreshes the difference. Cost follows the screen and bytes follow the change.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.style import Style
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from crashcart.tui.cells import Span, strip_of, width_of
from crashcart.tui.look import Look

TURN_SECONDS = 0.005
"""Between two turns of a long repaint, for keys and messages that came meanwhile."""


class LineWidget(Widget):
    """A widget drawn line by line from plain text and roles."""

    ground = "background"

    def __init__(self, look: Look, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.look = look
        self._drawn: dict[int, Strip] = {}
        self._drawn_size = Size(0, 0)
        self._turns: list[range] = []

    def draw_line(self, y: int, width: int) -> Strip:
        """The line `y` of the viewport in `width` cells; blank unless the widget has something to say."""
        return self.line(width=width)

    def begin_frame(self) -> None:
        """Called before lines are drawn: take the moment that all of them show."""

    def repaint(self, lines: Iterable[int] | None = None) -> None:
        """Paint the lines that are not as they were; `lines` names those that can have changed, None is all."""
        width, height = self.size
        if not self.is_attached or not width:
            return
        self._keep_size()
        self.begin_frame()
        changed: list[Region] = []
        for y in range(height) if lines is None else lines:
            strip = self.draw_line(y, width)
            if self._drawn.get(y) != strip:
                self._drawn[y] = strip
                changed.append(Region(0, y, width, 1))
        if changed:
            self.refresh(*changed)

    def repaint_in_turns(self, lines_a_turn: int) -> None:
        """Like `repaint`, some lines a turn of the loop: lines that are dear to draw must not hold up a key.

        A turn is asked for when the one before is done. Timers that ran out meanwhile would be served in one go.
        """
        is_waiting = bool(self._turns)
        height = self.size.height
        self._turns = [range(start, min(start + lines_a_turn, height)) for start in range(0, height, lines_a_turn)]
        if not is_waiting and self._turns:
            self.set_timer(TURN_SECONDS, self._take_turn)

    def _take_turn(self) -> None:
        lines, *self._turns = self._turns
        self.repaint([y for y in lines if y < self.size.height])
        if self._turns:
            self.set_timer(TURN_SECONDS, self._take_turn)

    def render_line(self, y: int) -> Strip:
        """Called by Textual for lines that are to be painted."""
        self._keep_size()
        strip = self._drawn.get(y)
        if strip is None:
            self.begin_frame()
            strip = self._drawn[y] = self.draw_line(y, self.size.width)
        return strip

    def _keep_size(self) -> None:
        """Lines of another size are worth nothing, whichever of layout and paint comes first."""
        if self.size != self._drawn_size:
            self._drawn.clear()
            self._drawn_size = self.size

    def forget(self) -> None:
        """Draw everything anew: another theme or size, or a terminal that was garbled."""
        self._drawn.clear()
        self.refresh()

    def notify_style_update(self) -> None:
        """Called by Textual when styles change."""
        super().notify_style_update()
        self._drawn.clear()

    def on_resize(self) -> None:
        """Another size: draw everything anew."""
        self.forget()

    # drawing

    def style(self, role: str = "text") -> Style:
        """A role on this widget's ground."""
        return self.look.palette.on(self.ground, role)

    def line(self, *spans: tuple[str, str], width: int) -> Strip:
        """A line of spans (text, role)."""
        return strip_of(((text, self.style(role)) for text, role in spans), width, self.style())

    def message_line(self, message: Sequence[tuple[Span, ...]], y: int, rows: int, width: int) -> Strip:
        """Line `y` of an empty body of `rows` lines that says why it is empty."""
        start = max(1, rows // 3)
        if not start <= y < start + len(message):
            return self.line(width=width)
        spans = message[y - start]
        indent = max(2, (width - sum(width_of(text) for text, _ in spans)) // 2)
        return self.line((" " * indent, "text"), *spans, width=width)
