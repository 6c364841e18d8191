"""What extending and expiring a silence share: the silence itself, who made it, which alerts it keeps quiet."""

from __future__ import annotations

from abc import abstractmethod

from crashcart.backends.contract import AlertPicture, AlertSilencer, Change
from crashcart.backends.model import Silence
from crashcart.backends.text import clean
from crashcart.ops.protocol import TargetPlan

from .alert_verb import AlertProof, AlertVerb, alert_words, clock_words
from .base import CannotAct, Scene, Seen

NAMED_ALERTS = 6


class SilenceChange(AlertVerb):
    """Base of the verbs on a silence that exists."""

    @abstractmethod
    def change(self, silence: Silence, silencer: AlertSilencer, scene: Scene) -> Change:
        """The one change of this verb. Pure."""

    @abstractmethod
    def judge(self, before: Silence, after: Silence | None, scene: Scene) -> Seen:
        """Whether what is read back is what was wanted. Pure."""

    @abstractmethod
    def notes(self, silence: Silence, scene: Scene) -> tuple[str, ...]:
        """What the operator should know about this silence."""

    def unavailable(self, target: str, scene: Scene) -> str | None:
        silence = found(target, scene)
        return f"silence {target[:8]} has ended" if silence.state == "expired" else None

    async def preview(self, target: str, scene: Scene) -> TargetPlan:
        silence = found(target, scene)
        return TargetPlan(
            target=target,
            name=self.spoken(target, scene),
            commands=tuple(change.text for change in self.changes(target, scene)),
            state=f"{silence.state} until {clock_words(silence.ends)}: {', '.join(map(str, silence.matchers))}",
            notes=(f"it says: {clean(silence.comment, limit=200)}", *self.notes(silence, scene)),
            held_by=None if silence.created_by == scene.signature else clean(silence.created_by, limit=80) or "nobody",
        )

    def changes(self, target: str, scene: Scene) -> tuple[Change, ...]:
        return (self.change(found(target, scene), self.silencer(scene), scene),)

    def proof(self, target: str, scene: Scene) -> AlertProof:
        before = found(target, scene)

        def judge(seen: AlertPicture) -> Seen:
            after = next((silence for silence in seen.silences if silence.id == target), None)
            return self.judge(before, after, scene)

        return AlertProof(self.silencer(scene), judge)


def found(target: str, scene: Scene) -> Silence:
    """The silence in the picture. Raises CannotAct when it is gone."""
    if target not in scene.silences:
        raise CannotAct(f"{scene.cluster.name} has no silence {target}; it has ended long ago, or never was")
    return scene.silences[target]


def quiet_notes(silence: Silence, scene: Scene) -> tuple[str, ...]:
    """The alerts that only this silence keeps quiet, in words, at most six."""
    alerts = [alert for alert in scene.alerts.values() if alert.silenced_by == (silence.id,)]
    named = tuple(alert_words(alert) for alert in alerts[:NAMED_ALERTS])
    more = len(alerts) - NAMED_ALERTS
    return (*named, f"and {more} more") if more > 0 else named
