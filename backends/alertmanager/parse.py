"""Alertmanager's JSON as entities; pure. Raises msgspec's DecodeError and ValidationError on anything else."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from crashcart.backends.model import Alert, Matcher, Silence
from crashcart.backends.severity import severity_of
from crashcart.backends.text import clean

from .shapes import ALERTS, SILENCES, AlertStatus, ApiAlert, ApiMatcher, ApiSilence

SOURCE = "alertmanager"
NO_NAME = "(no name)"
EXPIRED_SECONDS = 86_400.0
EXPIRED_LIMIT = 200

_NAME_LIMIT = 256
_FAILED = re.compile(
    rb'^alertmanager_notifications_failed_total\{[^}]*?integration="([a-z0-9_]{1,40})"[^}]*\} ([0-9.e+]+)$',
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Listed:
    """An alert as one Alertmanager lists it, and when it was refreshed there (Unix seconds, by its clock)."""

    alert: Alert
    updated: float


@dataclass(frozen=True, slots=True)
class ListedSilence:
    """A silence as one Alertmanager has it, and when it was last changed."""

    silence: Silence
    updated: float


def parse_alerts(body: bytes, *, cluster: str, when: float, severity_label: str) -> tuple[Listed, ...]:
    """`GET /api/v2/alerts`."""
    return tuple(
        Listed(_alert(one, cluster, when, severity_label), one.updated_at.timestamp()) for one in ALERTS.decode(body)
    )


def parse_silences(body: bytes, *, cluster: str, when: float) -> tuple[ListedSilence, ...]:
    """`GET /api/v2/silences`, without those that ended more than a day before `when`, and at most 200 ended ones."""
    found = SILENCES.decode(body)
    ended = [one for one in found if one.status.state == "expired"]
    recent = [one for one in ended if one.ends_at.timestamp() > when - EXPIRED_SECONDS]
    recent.sort(key=lambda one: one.ends_at, reverse=True)
    kept = [one for one in found if one.status.state != "expired"] + recent[:EXPIRED_LIMIT]
    return tuple(ListedSilence(_silence(one, cluster, when), one.updated_at.timestamp()) for one in kept)


def failed_notifications(metrics: bytes) -> dict[str, float]:
    """Notifications that failed since Alertmanager started, by integration (`webhook`), out of its `/metrics`."""
    totals: dict[str, float] = {}
    for integration, total in _FAILED.findall(metrics):
        name = integration.decode()
        totals[name] = totals.get(name, 0.0) + float(total)
    return totals


def matcher(one: ApiMatcher) -> Matcher:
    """The same condition in the contract's words."""
    return Matcher(clean(one.name, limit=_NAME_LIMIT), clean(one.value), one.is_regex, one.is_equal)


def api_matcher(one: Matcher) -> ApiMatcher:
    """The same condition in Alertmanager's words."""
    return ApiMatcher(one.name, one.value, one.is_regex, one.is_equal)


def rfc3339(when: float) -> str:
    """Unix seconds as Alertmanager writes them: `2026-11-25T08:28:24.485Z`."""
    return datetime.fromtimestamp(when, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _alert(one: ApiAlert, cluster: str, when: float, severity_label: str) -> Alert:
    return Alert(
        cluster=cluster,
        source=SOURCE,
        when=when,
        fingerprint=clean(one.fingerprint, limit=64),
        name=clean(one.labels.get("alertname", NO_NAME), limit=_NAME_LIMIT),
        severity=severity_of(one.labels.get(severity_label, "")),
        state=_state(one.status),
        since=one.starts_at.timestamp(),
        labels=_pairs(one.labels),
        annotations=_pairs(one.annotations or {}),
        silenced_by=_words(one.status.silenced_by),
        inhibited_by=_words(one.status.inhibited_by),
        receivers=_words([receiver.name for receiver in one.receivers or ()]),
    )


def _state(status: AlertStatus) -> str:
    """A suppressed alert without a silence or another alert behind it is muted by a time interval (0.28 and later)."""
    if status.silenced_by:
        return "silenced"
    if status.inhibited_by:
        return "inhibited"
    return "silenced" if status.state == "suppressed" else "firing"


def _silence(one: ApiSilence, cluster: str, when: float) -> Silence:
    return Silence(
        cluster=cluster,
        source=SOURCE,
        when=when,
        id=clean(one.id, limit=64),
        state=clean(one.status.state, limit=40),
        matchers=tuple(matcher(condition) for condition in one.matchers),
        starts=one.starts_at.timestamp(),
        ends=one.ends_at.timestamp(),
        created_by=clean(one.created_by, limit=_NAME_LIMIT),
        comment=clean(one.comment),
    )


def _pairs(words: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((clean(name, limit=_NAME_LIMIT), clean(value)) for name, value in words.items()))


def _words(words: list[str] | None) -> tuple[str, ...]:
    return tuple(sorted({clean(word, limit=_NAME_LIMIT) for word in words or ()}))
