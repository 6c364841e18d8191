"""Shown while the executor reads the cluster for a preview; keys typed meanwhile go nowhere."""

from __future__ import annotations

import asyncio

from textual import events

from crashcart.tui.cells import Span
from crashcart.tui.look import Look
from crashcart.tui.widgets.text_body import BodyLine

from .dialog import Dialog


class WaitScreen(Dialog[None]):
    """`esc` stops waiting; nothing else does anything."""

    box_width = 64

    def __init__(self, look: Look, what: str) -> None:
        super().__init__(look)
        self._what = what
        self.given_up = asyncio.Event()

    def title_spans(self) -> tuple[Span, ...]:
        return ((self._what, "title"),)

    def body_lines(self) -> list[BodyLine]:
        return [
            (("◌ ", "accent"), ("The executor reads the cluster afresh. Nothing is changed.", "muted")),
            (("esc", "accent"), (" stops waiting", "muted")),
        ]

    def on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        if event.key == "escape":
            self.given_up.set()
