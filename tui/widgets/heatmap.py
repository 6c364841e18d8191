"""Every GPU of the clusters as one cell, grouped by node and rack, with a cursor that says what a cell is."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.message import Message
from textual.strip import Strip

from crashcart.ops.filter import Filter, compile_filter
from crashcart.tui import commands
from crashcart.tui.attention import Attention, attention
from crashcart.tui.cells import Span, strip_of
from crashcart.tui.heat_cells import CellReader
from crashcart.tui.heat_cursor import HeatCursor
from crashcart.tui.heat_layout import plan
from crashcart.tui.heat_legend import legend
from crashcart.tui.heat_metrics import METRICS, HeatMetric, exported, offered
from crashcart.tui.heat_painter import HeatPainter
from crashcart.tui.heat_readout import readout
from crashcart.tui.heat_tiles import GROUPINGS, Grouping, TileGroups
from crashcart.tui.look import Look
from crashcart.tui.shown import Shown

from .lines import TURN_SECONDS, LineWidget

FOOT_LINES = 3
ATTENTION_ROWS = 5
NAMES = 0
MANY_NODES = 2_000
LINES_A_TURN = 12
"""A zoomed-out line of 96 nodes takes about 1 ms to draw anew."""

SCREENFULS = 3
"""More lines than this many screens of GPUs, and the heatmap begins with one cell a node."""


class Heatmap(LineWidget, can_focus=True):
    """The map, two lines of readout and a legend."""

    BINDINGS: ClassVar[list[BindingType]] = [*commands.bindings("motion", "heatmap")]

    class Moved(Message):
        """The cursor is on another GPU or node, or another metric is shown."""

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, Heatmap.Moved)

    class Opened(Message):
        """The operator wants details of a GPU, or of a node when zoomed out."""

        def __init__(self, kind: str, key: str) -> None:
            super().__init__()
            self.kind = kind
            self.key = key

    class CopyAsked(Message):
        """The operator wants the node's name on the clipboard."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    def __init__(self, look: Look, shown: Shown, *, id: str | None = None) -> None:
        super().__init__(look, id=id)
        self._shown = shown
        self.metric: HeatMetric = METRICS[0]
        self._is_metric_chosen = False
        self.filter: Filter = compile_filter("", "gpu")
        self.cursor = HeatCursor()
        self.zoomed_out: bool | None = None  # None: not chosen by hand
        self.message: tuple[tuple[Span, ...], ...] = ()
        self.grouping: Grouping = "rack"
        self._groups = TileGroups(shown)
        self._drawn_attention: object = None
        self._attention = Attention()
        self._painter = HeatPainter(look, shown)
        self._readout: tuple[tuple[Span, ...], tuple[Span, ...]] = ((), ())

    # data

    def refresh_picture(self) -> None:
        """Take the picture in: tiles may have come or gone; the cursor stays on its GPU."""
        is_large = len(self._shown.store.nodes) > MANY_NODES
        if is_large:
            self.set_timer(TURN_SECONDS / 2, self._take_attention)  # a turn of its own, before the lines are drawn
        else:
            self._take_attention()
        if not self._is_metric_chosen:
            self._choose_metric()
        self._group()
        self._repaint_all()

    def _choose_metric(self) -> None:
        """Without a scheduler nobody knows what is allocated: begin with what is measured."""
        found = offered(exported(self._shown))
        self.metric = found[1] if not self._shown.store.nodes and len(found) > 1 else METRICS[0]

    def _group(self) -> None:
        """The cursor stays on its GPU wherever its group goes."""
        if self._groups.take(self.grouping):
            self._place()

    def _repaint_all(self) -> None:
        """Every line may have changed; of a large map they are drawn in turns."""
        if len(self._shown.store.nodes) > MANY_NODES:
            self.repaint_in_turns(LINES_A_TURN)
        else:
            self.repaint()

    def _take_attention(self) -> None:
        now, findings = self._shown.scene.now, self._shown.joins.findings
        odd = (findings.by_node(now), findings.unknown(now), findings.strays(now))
        picture = (*self._shown.picture_of("node", "alert", "check"), odd)
        if picture != self._drawn_attention:
            self._drawn_attention, self._attention = picture, attention(self._shown)

    def set_filter(self, wanted: Filter) -> None:
        """Dim what does not match."""
        self.filter = wanted
        self.repaint()

    def on_resize(self) -> None:
        super().on_resize()
        self._place()

    def _place(self) -> None:
        width = self.size.width - 2
        if width <= 0:
            return
        in_grid = self.grouping != "job"  # jobs differ too much in size
        wanted = plan(self._groups.groups, width, zoomed_out=self.zoomed_out or False, in_grid=in_grid)
        if self.zoomed_out is None and wanted.lines > SCREENFULS * self.map_rows:
            wanted = plan(self._groups.groups, width, zoomed_out=True, in_grid=in_grid)
        self.cursor.settle(wanted.layout())
        self.cursor.scroll_into_view(self.page_lines)

    @property
    def map_rows(self) -> int:
        """Screen lines of the map."""
        return max(1, self.size.height - FOOT_LINES)

    @property
    def pitch(self) -> int:
        """Screen lines a line of tiles takes: 1, 2 with a blank below, 3 with the nodes' names above."""
        lines = len(self.cursor.layout.lines)
        room = self.map_rows - (ATTENTION_ROWS if self._attention else 0)
        if lines * 3 <= room and not self.cursor.layout.is_zoomed_out:
            return 3
        return 2 if lines * 2 <= room else 1

    @property
    def page_lines(self) -> int:
        """Lines of tiles on the screen."""
        return max(1, self.map_rows // self.pitch)

    # moving

    def _moved(self) -> None:
        """The cursor is elsewhere."""
        self.cursor.scroll_into_view(self.page_lines)
        self.repaint()
        self.post_message(self.Moved())

    def _changed(self) -> None:
        """The whole map is another."""
        self.cursor.scroll_into_view(self.page_lines)
        self._repaint_all()
        self.post_message(self.Moved())

    def action_step(self, columns: int, rows: int) -> None:
        self.cursor.step(columns, rows)
        self._moved()

    def action_page(self, pages: float) -> None:
        self.cursor.to_line(self.cursor.line + round(pages * self.page_lines))
        self._moved()

    def action_edge(self, side: int) -> None:
        self.cursor.to_line(0 if side < 0 else len(self.cursor.layout.lines) - 1, 0 if side < 0 else self.size.width)
        self._moved()

    def action_next_fault(self) -> None:
        """Go to the next GPU or node with a fault, in any metric or in the one that is shown, round the end."""
        readers = [CellReader(self._shown.scene, metric) for metric in dict.fromkeys((METRICS[0], self.metric))]
        for tile in self.cursor.tiles_after():
            bad = [
                gpu
                for gpu, cells in enumerate(zip(*(reader.cells(tile) for reader in readers), strict=True))
                if any(role in ("crit", "warn") for _, role in cells)
            ]
            if bad:
                self.cursor.to(tile, bad[0])
                self._moved()
                return

    def action_metric(self, steps: int) -> None:
        """The next metric that some source exports."""
        self._is_metric_chosen = True
        found = offered(exported(self._shown))
        here = found.index(self.metric) if self.metric in found else 0
        self.metric = found[(here + steps) % len(found)]
        self._changed()

    def action_group(self) -> None:
        """Group by the next thing; the cursor stays on its GPU."""
        self.grouping = GROUPINGS[(GROUPINGS.index(self.grouping) + 1) % len(GROUPINGS)]
        self._group()
        self._changed()

    def action_zoom(self) -> None:
        self.zoomed_out = not self.cursor.layout.is_zoomed_out
        self._place()
        self._changed()

    def action_open(self) -> None:
        tile = self.cursor.tile
        if tile is not None and self.cursor.layout.is_zoomed_out:
            self.post_message(self.Opened("node", tile.key))
        elif tile is not None:
            self.post_message(self.Opened("gpu", f"{tile.key}/{self.cursor.gpu}"))

    def action_copy(self) -> None:
        if self.cursor.tile is not None:
            self.post_message(self.CopyAsked(self.cursor.tile.key))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.action_step(0, 1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.action_step(0, -1)

    def on_click(self, event: events.Click) -> None:
        line = self.cursor.top + event.y // self.pitch
        if event.y < self.map_rows and line < len(self.cursor.layout.lines):
            self.cursor.to_line(line, event.x - 1)
            self._moved()
            if event.chain == 2:
                self.action_open()

    # drawing

    def begin_frame(self) -> None:
        zoomed_out = self.cursor.layout.is_zoomed_out
        self._painter.begin(self.metric, self.filter, zoomed_out=zoomed_out)
        at = (self._shown, self.cursor.tile, self.cursor.gpu)
        self._readout = readout(*at, whole_node=zoomed_out, metric=self.metric, width=self.size.width - 2)

    def draw_line(self, y: int, width: int) -> Strip:
        if y >= self.map_rows:
            return self._foot(y - self.map_rows, width)
        if not self.cursor.layout.lines:
            return self.message_line(self.message, y, self.map_rows, width)
        down, part = divmod(y, self.pitch)
        line = self.cursor.top + down
        lines = len(self.cursor.layout.lines)
        if line >= lines:
            return self._attention_line(y - (lines - self.cursor.top) * self.pitch, width)
        if part == NAMES and self.pitch == 3:
            return self._painter.names_line(self.cursor, line, width)
        return self._painter.map_line(self.cursor, line, width) if part == self.pitch // 3 else self.line(width=width)

    def _attention_line(self, y: int, width: int) -> Strip:
        """Below the map, where there is room: what asks for attention."""
        first = 1 if self.pitch == 1 else 0
        room = self.map_rows - (len(self.cursor.layout.lines) - self.cursor.top) * self.pitch - first - 1
        if y < first or room < 1 or not self._attention:
            return self.line(width=width)
        if y == first:
            return self.line((" Needs attention", "title"), (f"  {len(self._attention)}", "muted"), width=width)
        index = y - first - 1
        if index == room - 1 and len(self._attention) > room:
            more = f" … and {len(self._attention) - index} more"
            return self.line((more, "faint"), ("   4 alerts   2 nodes", "faint"), width=width)
        spans = self._attention.line(index, self._shown.scene.now) if index < len(self._attention) else ()
        return self.line((" ", "text"), *spans, width=width)

    def _foot(self, y: int, width: int) -> Strip:
        if y == FOOT_LINES - 1:
            spans, ground = legend(self.metric, self.grouping, width - 2), self.ground
        else:
            spans, ground = self._readout[y], "surface"
        style = self.look.palette.on
        parts = [(" ", style(ground)), *((text, style(ground, role)) for text, role in spans)]
        return strip_of(parts, width, style(ground))
