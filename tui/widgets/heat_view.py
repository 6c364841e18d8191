"""The heatmap as a view of the cockpit."""

from __future__ import annotations

from crashcart.ops.filter import compile_filter
from crashcart.tui.agreement import agreement_spans
from crashcart.tui.cells import Span, width_of
from crashcart.tui.commands import Scope
from crashcart.tui.fitting import Part, fitted, part
from crashcart.tui.heat_counts import scheduler_counts, telemetry_counts
from crashcart.tui.monitoring import firing_spans
from crashcart.tui.selection import Selection, from_keys

from .emptiness import why_empty
from .heatmap import Heatmap

WIDE = 130
"""Cells from which on the headline also says what a cell is; the legend does in any case."""


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
        store, now = self._shown.store, self._shown.scene.now
        fresh = tuple(store.freshness(*slot, now) for slot in store.sources)
        picture = (self._shown.picture_of("node"), fresh)
        if picture != self._counted_of:
            self._counted_of, self._counted = picture, scheduler_counts(self._shown, self._groups.gpus)
        parts = [part(100, ("Heatmap", "title")), Part(80, firing_spans(self._shown, now)), *self._counted]
        parts += telemetry_counts(self._shown)
        parts += [Part(35, ((text.strip(), role),)) for text, role in agreement_spans(self._shown)]
        if self.filter.text:
            parts.append(part(95, ("/ ", "accent"), (self.filter.text, "text"), (" (others dimmed)", "faint")))
        cell = "node" if self.cursor.layout.is_zoomed_out else "GPU"
        room = self.size.width - 2
        more: Span = (f"{self.metric.title}, a cell a {cell}, ", "muted") if room > WIDE else ("", "muted")
        right = (more, (f"by {self.grouping}", "muted"))
        return fitted(parts, room - sum(width_of(text) for text, _ in right) - 2), right

    _counted_of: object = None
    _counted: tuple[Part, ...] = ()

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
