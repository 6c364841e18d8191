"""An input that only a person can fill: paste is refused, and so is what was typed ahead or came in a burst."""

from __future__ import annotations

from textual import events
from textual.message import Message
from textual.widgets import Input

from crashcart.tui.typing_guard import TypingGuard


class GuardedInput(Input):
    """Says `Refused` when it threw something away."""

    class Refused(Message):
        """Keys were not taken, and why."""

        def __init__(self, why: str) -> None:
            super().__init__()
            self.why = why

    def __init__(self, guard: TypingGuard, *, id: str | None = None) -> None:
        super().__init__(id=id, compact=True, select_on_focus=False)
        self._guard = guard

    async def _on_key(self, event: events.Key) -> None:
        if self._guard.is_early():
            event.stop()
            event.prevent_default()
            return
        if self._guard.is_burst():
            event.stop()
            event.prevent_default()
            self.value = ""
            self.post_message(self.Refused("those keys came all at once: type it by hand"))
            return
        await super()._on_key(event)

    def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        self.post_message(self.Refused("pasted text does not confirm: type it by hand"))

    def action_paste(self) -> None:
        """Textual's own paste key."""
        self.post_message(self.Refused("pasted text does not confirm: type it by hand"))
