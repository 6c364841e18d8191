"""Extend a silence: move its end, keep its id and its matchers."""

from __future__ import annotations

from collections.abc import Mapping

from crashcart.backends.contract import AlertSilencer, Change
from crashcart.backends.model import Silence
from crashcart.backends.text import clean

from .alert_verb import DURATION, UNTIL, clock_words, until
from .base import Scene, Seen
from .silence import comment
from .silence_change import SilenceChange

MOST_COMMENT = 1_000


class ExtendSilence(SilenceChange):
    """Proved when the silence, under the same id, ends when it should."""

    verb = "extend-silence"
    params = frozenset({DURATION, UNTIL})

    def check_params(self, params: Mapping[str, str]) -> None:
        super().check_params(params)
        comment(params)

    def settled_params(self, params: Mapping[str, str], now: float) -> dict[str, str]:
        return until(params, now)

    def change(self, silence: Silence, silencer: AlertSilencer, scene: Scene) -> Change:
        text = f"{silence.comment}; extended by {scene.signature}: {comment(scene.params)}"
        return silencer.extend(silence, ends=float(scene.params[UNTIL]), comment=clean(text, limit=MOST_COMMENT))

    def notes(self, silence: Silence, scene: Scene) -> tuple[str, ...]:
        ends = float(scene.params[UNTIL])
        moved = "later" if ends >= silence.ends else "EARLIER"
        return (f"it will end {moved}, at {clock_words(ends)}",)

    def judge(self, before: Silence, after: Silence | None, scene: Scene) -> Seen:
        if after is None or after.state == "expired":
            return Seen("impossible", "ended", "the silence has ended meanwhile")
        text = f"{after.state} until {clock_words(after.ends)}"
        return Seen("reached" if abs(after.ends - float(scene.params[UNTIL])) < 2.0 else "not yet", text)

    def undo(self, scene: Scene, targets: tuple[str, ...]) -> str:
        ends = sorted({clock_words(scene.silences[target].ends) for target in targets if target in scene.silences})
        return f"extend-silence to its old end ({', '.join(ends)})"
