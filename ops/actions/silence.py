"""Silence: keep alerts quiet for a while. They go on firing, and everybody sees who silenced them and why."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from crashcart.backends.contract import AlertPicture, Change
from crashcart.backends.errors import BadIdentifier
from crashcart.backends.model import Alert
from crashcart.backends.text import reason as checked_reason
from crashcart.ops.protocol import TargetPlan

from .alert_verb import DURATION, UNTIL, AlertProof, AlertVerb, alert_words, clock_words, until
from .base import BadParams, CannotAct, Scene, Seen
from .silence_matchers import matched, silences_for

NAMED_ALERTS = 6


class Silence(AlertVerb):
    """Proved when every silence of the target is active, and no alert that it matches still notifies."""

    verb = "silence"
    params = frozenset({DURATION, UNTIL})
    binds = False  # more alerts may come meanwhile: a silence is made for that

    def check_params(self, params: Mapping[str, str]) -> None:
        super().check_params(params)
        comment(params)

    def settled_params(self, params: Mapping[str, str], now: float) -> dict[str, str]:
        return until(params, now)

    def unavailable(self, target: str, scene: Scene) -> str | None:
        if scene.powers.alerts is None:
            return f"{scene.cluster.name} has no Alertmanager"
        silences_for(target, scene)
        return None

    async def preview(self, target: str, scene: Scene) -> TargetPlan:
        alerts = _covered(target, scene)
        return TargetPlan(
            target=target,
            name=self.spoken(target, scene),
            commands=tuple(change.text for change in self.changes(target, scene)),
            state="ended" if scene.kind == "silence" else _now(alerts),
            notes=(f"quiet until {clock_words(float(scene.params[UNTIL]))}", *self._notes(alerts, scene)),
            warnings=_warnings(alerts),
        )

    def _notes(self, alerts: list[Alert], scene: Scene) -> tuple[str, ...]:
        if scene.kind == "silence" and not alerts:
            return ("the same matchers as before; which alerts they match is read back",)
        return _names(alerts)

    def changes(self, target: str, scene: Scene) -> tuple[Change, ...]:
        silencer = self.silencer(scene)
        text = f"{comment(scene.params)} {mark(scene.order.action_id, target)}"
        ends = float(scene.params[UNTIL])
        return tuple(
            silencer.silence(target, matchers, starts=scene.now, ends=ends, author=scene.signature, comment=text)
            for matchers in silences_for(target, scene)
        )

    def proof(self, target: str, scene: Scene) -> AlertProof:
        sign = mark(scene.order.action_id, target)
        wanted = _count(target, scene)
        return AlertProof(self.silencer(scene), lambda seen: _judge(seen, sign, wanted))

    def undo(self, scene: Scene, targets: tuple[str, ...]) -> str:
        return "expire-silence with the id that is read back; it ends by itself as well"


def comment(params: Mapping[str, str]) -> str:
    """`TEXT (TICKET)`. Raises BadParams when it is missing or may not be written."""
    text, ticket = params.get("reason", "").strip(), params.get("ticket", "").strip()
    if not text:
        raise BadParams("a reason is needed: it is the silence's comment, for whoever wonders why it is quiet")
    try:
        return checked_reason(f"{text} ({ticket})" if ticket else text)
    except BadIdentifier as error:
        raise BadParams(str(error)) from error


def mark(action_id: str, target: str) -> str:
    """A sign in the comment by which the silences of one target of one action are found again, answer or not."""
    return f"#{hashlib.blake2s(f'{action_id}/{target}'.encode(), digest_size=4).hexdigest()}"


def _count(target: str, scene: Scene) -> int:
    """How many silences the target needs; 1 when that can no longer be told, as its alert is gone."""
    try:
        return len(silences_for(target, scene))
    except CannotAct:
        return 1


def _judge(seen: AlertPicture, sign: str, wanted: int) -> Seen:
    made = {silence.id for silence in seen.silences if silence.comment.endswith(sign) and silence.state != "expired"}
    if not made:
        ended = any(silence.comment.endswith(sign) for silence in seen.silences)
        why = "the silence is there and has ended" if ended else "no such silence is there"
        return Seen("impossible" if ended else "not yet", why, why)
    ids = ", ".join(sorted(made))
    quiet = sum(bool(made & set(alert.silenced_by)) for alert in seen.alerts)
    text = f"silence {ids}: {quiet} {'alert' if quiet == 1 else 'alerts'} quiet"
    if len(made) < wanted:
        return Seen("not yet", text, f"{len(made)} of {wanted} silences are there")
    loud = [alert.name for alert in seen.alerts if made & set(alert.silenced_by) and alert.state == "firing"]
    if loud:
        why = f"{loud[0]} still notifies through another Alertmanager that does not have the silence"
        return Seen("not yet", text, why)
    return Seen("reached", text)


def _covered(target: str, scene: Scene) -> list[Alert]:
    found: dict[str, Alert] = {}
    for matchers in silences_for(target, scene):
        if scene.kind == "silence" and any(matcher.is_regex for matcher in matchers):
            return []  # written by anybody, for RE2: evaluating it here could take for ever
        found |= {alert.fingerprint: alert for alert in matched(matchers, scene.alerts.values())}
    return sorted(found.values(), key=lambda alert: (alert.name, alert.fingerprint))


def _now(alerts: list[Alert]) -> str:
    firing = sum(alert.state == "firing" for alert in alerts)
    return f"{firing} firing, {len(alerts) - firing} quiet already" if alerts else "nothing fires that it matches"


def _names(alerts: list[Alert]) -> tuple[str, ...]:
    if not alerts:
        return ("it matches no alert now; it keeps quiet what comes",)
    more = len(alerts) - NAMED_ALERTS
    named = tuple(f"matches {alert_words(alert)}" for alert in alerts[:NAMED_ALERTS])
    return (*named, f"and {more} more") if more > 0 else named


def _warnings(alerts: list[Alert]) -> tuple[str, ...]:
    found: list[str] = []
    critical = sum(alert.severity == "critical" and alert.state == "firing" for alert in alerts)
    if critical:
        found.append(f"{critical} of them {'is' if critical == 1 else 'are'} critical: nobody will be paged for it")
    if dead_man := [alert.name for alert in alerts if alert.severity == "none"]:
        found.append(f"{dead_man[0]} may be the dead-man alert that proves that alerts reach you")
    return tuple(found)
