"""Silences of the simulated Alertmanager, as the amtool commands that the simulation understands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

import msgspec

from crashcart.backends.contract import AlertPicture, Change
from crashcart.backends.errors import BadIdentifier
from crashcart.backends.model import Matcher, Silence
from crashcart.backends.text import alert_id, clean

from .amtool import moment_text
from .client import WorldLink
from .protocol import AlertsSeen, ObserveAlerts

_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*\Z")


class SilencePowers:
    """Reads alerts and builds changes of silences. Building a change does no I/O."""

    def __init__(self, cluster: str, link: WorldLink) -> None:
        self._cluster = cluster
        self._link = link

    async def observe_alerts(self) -> AlertPicture:
        seen = await self._link.ask(ObserveAlerts(), AlertsSeen)
        alerts = tuple(msgspec.structs.replace(alert, cluster=self._cluster) for alert in seen.alerts)
        silences = tuple(msgspec.structs.replace(silence, cluster=self._cluster) for silence in seen.silences)
        return AlertPicture(alerts, silences, seen.when)

    def silence(
        self, target: str, matchers: Sequence[Matcher], *, starts: float, ends: float, author: str, comment: str
    ) -> Change:
        """`amtool silence add`. Raises BadIdentifier for what Alertmanager would not take or could misread."""
        if not matchers:
            raise BadIdentifier("a silence needs at least one matcher")
        times = (f"--start={moment_text(starts)}", f"--end={moment_text(ends)}")
        words = (f"--author={_line(author, 'author')}", f"--comment={_line(comment, 'comment')}")
        return _change(target, "add", *times, *words, *(_matcher(matcher) for matcher in matchers))

    def extend(self, silence: Silence, *, ends: float, comment: str) -> Change:
        words = (f"--end={moment_text(ends)}", f"--comment={_line(comment, 'comment')}")
        return _change(silence.id, "update", *words, alert_id(silence.id))

    def expire(self, silence: Silence) -> Change:
        return _change(silence.id, "expire", alert_id(silence.id))


def _matcher(matcher: Matcher) -> str:
    if not _LABEL.match(matcher.name):
        raise BadIdentifier(f"{clean(matcher.name, limit=80)!r} is not the name of a label")
    if matcher.is_regex:
        try:
            re.compile(matcher.value)
        except re.error as error:
            raise BadIdentifier(
                f"{clean(matcher.value, limit=80)!r} is not a regular expression: {error.msg}"
            ) from error
    return str(matcher)


def _line(text: str, what: str) -> str:
    """One line that says something."""
    if not text.strip() or clean(text) != text:
        raise BadIdentifier(
            f"{clean(text, limit=80)!r} cannot be the {what} of a silence: one line of plain text is needed"
        )
    return text


def _change(target: str, verb: str, *words: str) -> Change:
    argv = ("amtool", "silence", verb, *words)
    return Change(target=target, text=shlex.join(argv), argv=argv, where="demo")
