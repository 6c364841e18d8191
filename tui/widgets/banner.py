"""A line that is there only when the picture may not be trusted: frozen, collector or monitoring dead, source down."""

from __future__ import annotations

from textual.strip import Strip

from crashcart.backends.wire import Source
from crashcart.tui import words
from crashcart.tui.cells import strip_of
from crashcart.tui.look import Look
from crashcart.tui.monitoring import facts, lost
from crashcart.tui.shown import Shown
from crashcart.tui.source_ages import troubles

from .lines import LineWidget


class Banner(LineWidget):
    """Shows the worst of what is wrong with the picture itself; hidden when nothing is."""

    def __init__(self, look: Look, shown: Shown, *, id: str | None = None) -> None:
        super().__init__(look, id=id)
        self._shown = shown
        self._was_alive = False
        self._text: tuple[str, str] = ("", "badge-warn")

    def tick(self) -> None:
        """Say it anew, and appear or go away."""
        self._was_alive = self._was_alive or self._shown.live.collector_alive
        self._text = self._said()
        self.display = bool(self._text[0])
        self.repaint()

    def _said(self) -> tuple[str, str]:
        now = self.look.clock.now()
        live = self._shown.live
        if self._was_alive and not live.collector_alive:
            age = words.age(None if live.last_beat is None else now - live.last_beat)
            doing = live.collector_trouble or "restarting"
            return f"✕ COLLECTOR LOST  last word {age} ago, everything below is old: {doing}", "badge-crit"
        if live.collector_trouble and not live.collector_alive:
            return f"✕ NO COLLECTOR  {live.collector_trouble}", "badge-crit"
        if self._shown.frozen_at is not None:
            return f"❚❚ FROZEN  for {words.age(now - self._shown.frozen_at)}; P follows again", "badge-accent"
        urgent = [fact.text for fact in facts(self._shown, now) if fact.role == "crit"]
        gone = {(s.cluster, s.name) for s in lost(self._shown, now) if live.freshness(s.cluster, s.name, now) != "late"}
        others = [source for source in troubles(live, now) if (source.cluster, source.name) not in gone]
        more = len(urgent) + len(others) - 1
        tail = f"  (+{more} more)" if more > 0 else ""
        if urgent:
            return f"✕ MONITORING  {urgent[0]}{tail}", "badge-crit"
        return self._source(others[0], now, tail) if others else ("", "badge-warn")

    def _source(self, source: Source, now: float, tail: str) -> tuple[str, str]:
        live = self._shown.live
        age = words.age(None if source.last_success is None else now - source.last_success)
        freshness = live.freshness(source.cluster, source.name, now)
        role = "badge-warn" if freshness == "late" else "badge-crit"
        detail = f": {source.detail}" if source.detail else ""
        return f"{source.cluster}/{source.name} {freshness.upper()}  picture is {age} old{detail}{tail}", role

    def draw_line(self, y: int, width: int) -> Strip:
        text, role = self._text
        style = self.look.palette.role(role)
        return strip_of([(f" {text}", style)], width, style)
