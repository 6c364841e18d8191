"""Is alerting itself alive? What each Alertmanager, and all of them together, say about it.

An empty board is green only where this is known to be fine: with Prometheus dead there are soon no alerts at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from crashcart.backends.errors import BackendError
from crashcart.backends.model import Check
from crashcart.backends.text import clean

from .memory import Memory
from .options import Options
from .parse import SOURCE, Listed
from .reading import Reading

NOTIFICATIONS_SECONDS = 600.0
"""A notification that failed longer ago is no news: Alertmanager tries again for minutes only."""

_SILENT = "Prometheus is silent, or cannot reach Alertmanager"


@dataclass(frozen=True, slots=True)
class Turn:
    """What was told at `when` (Unix seconds), by Alertmanager."""

    cluster: str
    options: Options
    when: float
    told: Mapping[str, Reading | BackendError]

    @property
    def readings(self) -> list[tuple[str, Reading]]:
        return [(name, one) for name, one in self.told.items() if isinstance(one, Reading)]

    def check(self, name: str, state: str, detail: str = "", since: float | None = None) -> Check:
        return Check(
            cluster=self.cluster,
            source=SOURCE,
            when=self.when,
            name=name,
            state=state,
            detail=clean(detail, limit=400),
            since=since,
        )


def checks(turn: Turn, memory: Memory) -> tuple[Check, ...]:
    """All checks of one turn; what it tells is remembered."""
    _remember(turn, memory)
    found = [_delivery(turn, memory), *_members(turn, memory)]
    if turn.options.deadman is not None:
        found.append(_deadman(turn, memory, turn.options.deadman))
    if memory.notifications.is_told:
        found.append(_notifications(turn, memory))
    return tuple(found)


def _remember(turn: Turn, memory: Memory) -> None:
    memory.looked_first = memory.looked_first or turn.when
    for name, reading in turn.readings:
        memory.refreshed.take(name, _newest(reading.alerts), reading.skew)
        deadman = tuple(listed for listed in reading.alerts if listed.alert.name == turn.options.deadman)
        memory.deadman_refreshed.take(name, _newest(deadman), reading.skew)
        if reading.metrics is not None:
            memory.notifications.take(name, reading.metrics.failed_notifications, turn.when)
    for name, one in turn.told.items():
        if isinstance(one, Reading):
            memory.failing_since.pop(name, None)
        else:
            memory.failing_since.setdefault(name, turn.when)


def _newest(listed: tuple[Listed, ...]) -> float | None:
    return max((one.updated for one in listed), default=None)


def _delivery(turn: Turn, memory: Memory) -> Check:
    refreshed = memory.refreshed.when
    is_empty = not any(reading.alerts for _, reading in turn.readings)
    if not is_empty:
        memory.is_silent = refreshed is None or turn.when - refreshed > turn.options.silent_seconds
    if not is_empty and not memory.is_silent:
        return turn.check("alert delivery", "ok")
    if is_empty and not memory.is_silent and turn.options.deadman is None:
        why = "no alert is listed, so nothing shows that Prometheus reaches Alertmanager; set deadman to know it"
        return turn.check("alert delivery", "unknown", why)
    if refreshed is None:
        why = f"no alert is listed, and none was since we look ({_clock(memory.looked_first)}): {_SILENT}"
        return turn.check("alert delivery", "critical", why)
    why = f"no alert was refreshed since {_clock(refreshed)}: {_SILENT}"
    return turn.check("alert delivery", "critical", why, refreshed)


def _deadman(turn: Turn, memory: Memory, name: str) -> Check:
    refreshed = memory.deadman_refreshed.when
    listed = [one.alert for _, reading in turn.readings for one in reading.alerts if one.alert.name == name]
    if not listed and refreshed is None:
        why = f"{name} is not listed, and was not since we look ({_clock(memory.looked_first)}): {_SILENT}"
        return turn.check("dead-man alert", "critical", f"{why}, or no rule makes it")
    if not listed:
        why = f"{name} is gone, its last update was at {_clock(refreshed)}: {_SILENT}"
        return turn.check("dead-man alert", "critical", why, refreshed)
    if refreshed is not None and turn.when - refreshed > turn.options.deadman_seconds:
        why = f"{name} was not refreshed since {_clock(refreshed)}: {_SILENT}"
        return turn.check("dead-man alert", "critical", why, refreshed)
    if all(alert.state != "firing" for alert in listed):
        why = f"{name} is {listed[0].state}: whoever waits for it outside is not told"
        return turn.check("dead-man alert", "warning", why)
    return turn.check("dead-man alert", "ok")


def _members(turn: Turn, memory: Memory) -> Iterator[Check]:
    """One check for each Alertmanager: does it answer, and does Prometheus speak to it as it does to the others?"""
    freshest = memory.refreshed.when or 0.0
    for name, one in turn.told.items():
        if isinstance(one, BackendError):
            yield turn.check(f"alertmanager {name}", "critical", str(one), memory.failing_since[name])
            continue
        own = memory.refreshed.by(name)
        is_left_out = turn.when - (own or 0.0) > turn.options.silent_seconds
        if is_left_out and turn.when - freshest <= turn.options.silent_seconds:
            since = f"since {_clock(own)}" if own is not None else "at all"
            why = f"it answers, but no alert was refreshed there {since} as it was at the others"
            yield turn.check(f"alertmanager {name}", "warning", f"{why}: does Prometheus reach it?", own)
        else:
            yield turn.check(f"alertmanager {name}", "ok")


def _notifications(turn: Turn, memory: Memory) -> Check:
    memory.notifications.forget(turn.when - NOTIFICATIONS_SECONDS)
    failing = sorted(memory.notifications.failing.items())
    if not failing:
        return turn.check("notifications", "ok")
    parts = [f"{name}: {one.count:.0f} by {what} failed" for (name, what), one in failing]
    since = min(one.since for _, one in failing)
    why = f"{'; '.join(parts)} since {_clock(since)}; look at Alertmanager's log"
    return turn.check("notifications", "critical", why, since)


def _clock(when: float | None) -> str:
    """`08:28:24 UTC`; how long ago that is, the screen tells by the check's `since`."""
    return "the start" if when is None else f"{datetime.fromtimestamp(when, UTC):%H:%M:%S} UTC"
