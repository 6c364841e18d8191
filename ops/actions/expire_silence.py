"""Expire a silence: its alerts notify again."""

from __future__ import annotations

from crashcart.backends.contract import AlertSilencer, Change
from crashcart.backends.model import Silence

from .base import Scene, Seen
from .silence_change import SilenceChange, quiet_notes


class ExpireSilence(SilenceChange):
    """Proved when the silence has ended."""

    verb = "expire-silence"

    def change(self, silence: Silence, silencer: AlertSilencer, scene: Scene) -> Change:
        return silencer.expire(silence)

    def notes(self, silence: Silence, scene: Scene) -> tuple[str, ...]:
        found = quiet_notes(silence, scene)
        return tuple(f"will notify again: {words}" for words in found) or ("no alert is quiet because of it alone",)

    def judge(self, before: Silence, after: Silence | None, scene: Scene) -> Seen:
        if after is None or after.state == "expired":
            return Seen("reached", "expired")
        return Seen("not yet", f"still {after.state}")

    def undo(self, scene: Scene, targets: tuple[str, ...]) -> str:
        return "silence the alerts anew"
