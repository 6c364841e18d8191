"""The heatmap as a view of the cockpit."""

from __future__ import annotations

from collections import Counter

from crashcart.ops.filter import compile_filter
from crashcart.tui import words
from crashcart.tui.cells import Span
from crashcart.tui.commands import Scope
from crashcart.tui.selection import Selection, from_keys
from crashcart.tui.states import word_mark

from .emptiness import why_empty
from .heatmap import Heatmap


class HeatView(Heatmap):
    """Heatmap, filter and counts of what is out of service."""

    scopes: tuple[Scope, ...] = ("motion", "heatmap", "app")
    filter_kind = "gpu"

    @property
    def filter_text(self) -> str:
        return self.filter.text

    def apply_filter(self, text: str) -> None:
        """Dim what does not match. Raises FilterError."""
        self.set_filter(compile_filter(text, "gpu"))

    def refresh_picture(self) -> None:
        """Take the picture in."""
        self.message = why_empty(self._shown, "node", "GPUs", "", self.look.clock.now())
        super().refresh_picture()

    def tick(self) -> None:
        """Ages in the readout, and cells that went stale."""
        self.repaint()

    def headline(self) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
        """`512 GPUs  430 in use  ▼ 2 drained  ✕ 1 down`, and the metric."""
        picture = self._shown.picture_of("node")
        if picture != self._counted_of:
            self._counted_of, self._counted = picture, self._count()
        left = [("Heatmap", "title"), ("  ", "text"), *self._counted]
        if self.filter.text:
            left += [("   / ", "accent"), (self.filter.text, "text"), (" (others dimmed)", "faint")]
        zoom = "one cell a node" if self.cursor.layout.is_zoomed_out else "one cell a GPU"
        return tuple(left), ((f"{self.metric.title}", "muted"), (f", {zoom}", "faint"))

    _counted_of: object = None
    _counted: tuple[Span, ...] = ()

    def _count(self) -> tuple[Span, ...]:
        store = self._shown.store
        nodes = [store.nodes[key] for key in self._shown.keys("node")]
        gpus = sum(tile.gpus for _, tiles in self._racks for tile in tiles)
        spans: list[Span] = [(words.plural(gpus, "GPU"), "muted")]
        if nodes:
            spans.append((f"  {sum(node.gpus_used or 0 for node in nodes):,} in use", "muted"))
        for word, number in sorted(Counter(node.word for node in nodes).items()):
            glyph, role = word_mark(word)
            if role != "ok":
                spans.append((f"  {glyph} {number:,} {word}", role))
        return tuple(spans)

    def selections(self) -> list[Selection]:
        """The node under the cursor, and the job on that GPU."""
        tile = self.cursor.tile
        if tile is None:
            return []
        node = from_keys("node", [tile.key])
        job = None
        if not self.cursor.layout.is_zoomed_out:
            job = self._shown.joins.job_on_gpu(tile.cluster, tile.name, self.cursor.gpu)
        return [found for found in (node, from_keys("job", [job.key]) if job else None) if found]
