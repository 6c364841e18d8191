"""Alerts and silences in memory that do what Alertmanager does, or fail as they are told to."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from msgspec.structs import replace

from crashcart.backends.contract import AlertPicture, Change, CommandResult
from crashcart.backends.errors import Unreachable
from crashcart.backends.model import Alert, Matcher, Silence
from tests.unit.small_cluster import NOW

Fault = Literal["none", "lost-before", "lost-after", "refused"]


def alert(name: str, fingerprint: str, severity: str = "warning", **labels: str) -> Alert:
    """A firing alert."""
    shown = {"alertname": name, "severity": severity, **labels}
    return Alert(
        cluster="small",
        source="alertmanager",
        when=NOW,
        fingerprint=fingerprint,
        name=name,
        severity=severity,
        state="firing",
        since=NOW - 60,
        labels=tuple(sorted(shown.items())),
    )


class SmallAlerts:
    """An AlertSilencer with its Applier; silences take effect at once."""

    def __init__(self, *alerts: Alert) -> None:
        self.alerts = list(alerts)
        self.silences: dict[str, Silence] = {}
        self.fault: Fault = "none"
        self.is_cut = False
        self.other_member_pages = False  # another Alertmanager that does not know these silences
        self.applied: list[Change] = []
        self._waiting: dict[str, Silence] = {}  # by the text of the change

    async def observe_alerts(self) -> AlertPicture:
        if self.is_cut:
            raise Unreachable("alerts: the link is cut")
        return AlertPicture(tuple(map(self._seen, self.alerts)), tuple(self.silences.values()), NOW)

    def silence(
        self, target: str, matchers: Sequence[Matcher], *, starts: float, ends: float, author: str, comment: str
    ) -> Change:
        made = self._made(f"silence-{len(self.silences) + 1}", tuple(matchers), starts, ends, author, comment)
        text = f"silence add {' '.join(map(str, matchers))} --author={author} --comment={comment!r} until {ends:.0f}"
        return self._change(target, text, made)

    def extend(self, silence: Silence, *, ends: float, comment: str) -> Change:
        text = f"silence update {silence.id} until {ends:.0f} --comment={comment!r}"
        return self._change(silence.id, text, replace(silence, ends=ends, comment=comment))

    def expire(self, silence: Silence) -> Change:
        return self._change(silence.id, f"silence expire {silence.id}", replace(silence, state="expired"))

    async def apply(self, change: Change, *, timeout: float) -> CommandResult:  # noqa: ASYNC109
        self.applied.append(change)
        if self.fault == "refused":
            return CommandResult("failed", None, b"", b"comment in body is required")
        if self.fault != "lost-before":
            made = self._waiting[change.text]
            if made.id in self.silences and change.text.startswith("silence add"):
                made = replace(made, id=f"silence-{len(self.silences) + 1}")
            self.silences[made.id] = made
        return CommandResult("unknown" if self.fault.startswith("lost") else "ok", None)

    def add(self, silence_id: str, *matchers: Matcher, author: str = "crashcart:alice") -> Silence:
        """A silence that is there already."""
        made = self._made(silence_id, matchers, NOW - 600, NOW + 600, author, "planned work")
        self.silences[silence_id] = made
        return made

    def _made(
        self, silence_id: str, matchers: tuple[Matcher, ...], starts: float, ends: float, author: str, comment: str
    ) -> Silence:
        return Silence(
            cluster="small",
            source="alertmanager",
            when=NOW,
            id=silence_id,
            state="active",
            matchers=matchers,
            starts=starts,
            ends=ends,
            created_by=author,
            comment=comment,
        )

    def _change(self, target: str, text: str, wanted: Silence) -> Change:
        self._waiting[text] = wanted
        return Change(target=target, text=text, argv=("amtool", text))

    def _seen(self, one: Alert) -> Alert:
        labels = dict(one.labels)
        ids = tuple(
            silence.id
            for silence in self.silences.values()
            if silence.state == "active" and all(_matches(m, labels.get(m.name, "")) for m in silence.matchers)
        )
        state = "firing" if self.other_member_pages else "silenced"
        return replace(one, silenced_by=ids, state=state) if ids else one


def _matches(matcher: Matcher, value: str) -> bool:
    hit = bool(re.fullmatch(matcher.value, value)) if matcher.is_regex else matcher.value == value
    return hit == matcher.is_equal
