"""Alerts as Prometheus itself sees them: the pending ones, and the firing ones for when no Alertmanager answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from crashcart.backends.model import Alert, Batch
from crashcart.backends.severity import severity_of
from crashcart.backends.text import clean

from .desk import SOURCE, Desk
from .durations import unix_time
from .selector import LabelMatcher

PATH = "/api/v1/alerts"
STATES = ("pending", "firing")
_OFFSET, _PRIME, _MASK = 0xCBF29CE484222325, 0x100000001B3, (1 << 64) - 1
_TEXT = 2000


class ApiAlert(msgspec.Struct, rename="camel"):
    """One entry of the list; its value is left out, it changes at every evaluation."""

    labels: dict[str, str]
    annotations: dict[str, str] = {}
    state: str = ""
    active_at: str = ""


class ApiAlerts(msgspec.Struct):
    alerts: list[ApiAlert]


class AlertReader:
    """The whole list at each turn."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def read(self) -> Batch | None:
        """All pending and firing alerts; None when this server tells none."""
        desk = self._desk
        listed = await desk.attempt("alerts", desk.client.listing("alerts", PATH, {}, ApiAlerts))
        if listed is None:
            return None
        found: dict[str, Alert] = {}
        for told in listed.alerts:
            if told.state in STATES and concerns(told.labels, desk.selector):
                alert = self._alert(told)
                if alert.key not in found or alert.state == "firing":  # two rules may make the same labels
                    found[alert.key] = alert
        return Batch(SOURCE, desk.cluster, "alert", desk.clock.when, tuple(found.values()), complete=True)

    def _alert(self, told: ApiAlert) -> Alert:
        began = unix_time(told.active_at)
        when = self._desk.clock.when
        return Alert(
            cluster=self._desk.cluster,
            source=SOURCE,
            when=when,
            fingerprint=fingerprint(told.labels),
            name=clean(told.labels.get("alertname", ""), limit=200) or "(no name)",
            severity=severity_of(told.labels.get("severity", "")),
            state=told.state,
            since=when if began is None else self._desk.clock.ours(began),
            labels=_pairs(told.labels.items()),
            annotations=_pairs(told.annotations.items()),
        )


def concerns(labels: dict[str, str], selector: Sequence[LabelMatcher]) -> bool:
    """Whether an alert may be about this cluster: one without the selector's label is about everybody's."""
    return all(one.holds(labels[one.name]) for one in selector if one.name in labels)


def fingerprint(labels: dict[str, str]) -> str:
    """The identity of a set of labels: FNV-1a over them as Alertmanager does it, marked as ours."""
    value = _OFFSET
    for name in sorted(labels):
        for byte in (*name.encode("utf-8", "replace"), 0xFF, *labels[name].encode("utf-8", "replace"), 0xFF):
            value = ((value ^ byte) * _PRIME) & _MASK
    return f"prom-{value:016x}"


def _pairs(items: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((clean(name, limit=200), clean(value, limit=_TEXT)) for name, value in items))
