"""The line on top: which clusters, who, with which rights, and how old each source's picture is."""

from __future__ import annotations

from collections.abc import Mapping

from rich.color import Color, ColorParseError
from rich.style import Style
from textual.strip import Strip

from crashcart.tui import words
from crashcart.tui.cells import Span, strip_of, width_of
from crashcart.tui.look import Look
from crashcart.tui.shown import Shown
from crashcart.tui.slow_link import strip_spans
from crashcart.tui.source_ages import live_count, source_spans, troubles

from .lines import LineWidget

PRODUCT = "✚ crashcart"


class StatusStrip(LineWidget):
    """Ages tick every second; only a line whose text changed is painted."""

    ground = "panel"

    def __init__(
        self,
        look: Look,
        shown: Shown,
        *,
        colors: Mapping[str, str | None],
        identity: str,
        read_only: bool,
        id: str | None = None,
    ) -> None:
        super().__init__(look, id=id)
        self._shown = shown
        self._colors = colors
        self._identity = identity
        self.rights: Span = ("READ-ONLY", "badge-warn") if read_only else ("", "muted")

    def draw_line(self, y: int, width: int) -> Strip:
        left = self._left()
        used = sum(width_of(text) for text, _ in left)
        right = self._right(width - used - 3)
        gap = width - used - sum(width_of(text) for text, _ in right) - 1
        on = self.look.palette.on
        parts = [*left, (" " * max(1, gap), on("panel")), *((t, on("panel", r)) for t, r in right)]
        return strip_of(parts, width, on("panel"))

    def _left(self) -> list[tuple[str, Style]]:
        palette = self.look.palette
        parts = [(f" {PRODUCT}  ", palette.on("panel", "title"))]
        for index, cluster in enumerate(self._names()):
            parts.append((cluster, self._cluster_style(cluster, index)))
            parts.append((" ", palette.on("panel")))
        parts.append((f" {self._identity} ", palette.on("panel", "muted")))
        text, role = self.rights
        if text:
            badge = role.startswith("badge")
            parts.append((f" {text} ", palette.role(role) if badge else palette.on("panel", role)))
        return parts

    def _names(self) -> list[str]:
        if self._shown.cluster is not None:
            return [self._shown.cluster]
        known = self._shown.store.clusters()  # a shared collector may have others than are configured here
        configured = [name for name in self._colors if name in known or not known]
        return [*configured, *(name for name in known if name not in self._colors)]

    def _cluster_style(self, cluster: str, index: int) -> Style:
        palette = self.look.palette
        style = palette.cluster(index) + Style(bold=True) + palette.grounds["panel"]
        color = self._colors.get(cluster)
        if color is None or palette.is_colorless:
            return style
        try:
            return style + Style(color=Color.parse(color))
        except ColorParseError:
            return style

    def _right(self, room: int) -> list[Span]:
        """All sources where there is room; else those in trouble and how many live."""
        now = self.look.clock.now()
        store = self._shown.live
        many = len(store.clusters()) > 1
        clock: list[Span] = [*strip_spans(self._shown.terminal), (words.of_day(now), "faint")]
        everyone = [source_spans(store, source, now, with_cluster=many) for _, source in sorted(store.sources.items())]
        spans = [span for spans in everyone for span in (*spans, ("   ", "muted"))]
        if _length(spans + clock) <= room:
            return spans + clock
        spans = [span for index, spans in enumerate(everyone) for span in (("  " if index else "", "muted"), *spans)]
        if _length(spans) <= room:
            return spans
        bad = [source_spans(store, source, now, with_cluster=many) for source in troubles(store, now)]
        spans = [span for spans in bad for span in (*spans, ("  ", "muted"))]
        live: list[Span] = [("● ", "ok"), (f"{live_count(store, now)} live", "muted")]
        if _length(spans + live) <= room:
            return spans + live
        return [(f"✕ {words.plural(len(bad), 'source')} not live", "crit")] if bad else live


def _length(spans: list[Span]) -> int:
    return sum(width_of(text) for text, _ in spans)
