"""The alerts as Prometheus and Alertmanager together list them: pending, firing, silenced, inhibited."""

from __future__ import annotations

from crashcart.backends.model import Alert

from .board import Board
from .conditions import Condition, conditions
from .entities import SOURCE
from .fired import FiringRecord
from .inhibition import Inhibitor
from .silences import SilenceBook
from .simulation import Simulation

RUNBOOKS = "https://runbooks.example.com"
IDENTITY = ("node", "gpu", "xid", "job", "target")
RECEIVERS = {
    "critical": ("oncall-pager", "slack-gpu-alerts"),
    "warning": ("slack-gpu-alerts",),
    "none": ("dead-man-service",),
}
RESOLVES_SECONDS = 60.0
"""An alert that Prometheus no longer sends counts as resolved after four times the time between two sendings (15 s)."""


class AlertBook:
    """Derives the alerts from what is wrong, while there is a Prometheus that evaluates its rules."""

    def __init__(self, sim: Simulation, silences: SilenceBook, *, is_incident: bool) -> None:
        self._sim = sim
        self._silences = silences
        self._is_incident = is_incident
        self._board: Board[Alert] = Board(sim.journal, "alert")
        self._last: list[Condition] = []
        self.stopped_at: float | None = None
        self.record = FiringRecord(sim.timeline.start if is_incident else None)

    @property
    def alerts(self) -> dict[str, Alert]:
        """By fingerprint."""
        return self._board.entities

    def stop(self) -> None:
        """Prometheus dies: what Alertmanager knows stays until it takes it for resolved."""
        self.refresh()
        self.stopped_at = self._sim.now

    @property
    def are_forgotten(self) -> bool:
        """Whether Alertmanager has given up what the dead Prometheus last sent."""
        return self.stopped_at is not None and self._sim.now >= self.stopped_at + RESOLVES_SECONDS

    def refresh(self) -> None:
        """Raise, change and resolve alerts; the journal learns what changed."""
        now = self._sim.now
        if self.stopped_at is None:
            self._last = list(conditions(self._sim, is_incident=self._is_incident))
            self.record.note(self._last, now)
        elif self.are_forgotten:
            self._last = []
        self._board.show(self._alerts(now if self.stopped_at is None else self.stopped_at, now))

    def _alerts(self, evaluated: float, now: float) -> list[Alert]:
        """What the rules found at `evaluated`, and who keeps it quiet at `now`."""
        known = [(condition, _labels(condition)) for condition in self._last]
        named = [(condition, labels, fingerprint(labels)) for condition, labels in known]
        inhibitor = Inhibitor((name, labels) for condition, labels, name in named if evaluated >= condition.fires_at)
        found: list[Alert] = []
        for condition, labels, name in named:
            if evaluated < condition.fires_at:
                found.append(_alert(condition, labels, name, now, "pending"))
                continue
            silenced, inhibited = self._silences.covering(labels), inhibitor.inhibiting(labels)
            state = "silenced" if silenced else "inhibited" if inhibited else "firing"
            receivers = RECEIVERS[condition.severity]
            found.append(_alert(condition, labels, name, now, state, silenced, inhibited, receivers))
        return found


def _labels(condition: Condition) -> dict[str, str]:
    return {"alertname": condition.name, "severity": condition.severity, **condition.labels}


def _alert(
    condition: Condition,
    labels: dict[str, str],
    name: str,
    now: float,
    state: str,
    silenced_by: tuple[str, ...] = (),
    inhibited_by: tuple[str, ...] = (),
    receivers: tuple[str, ...] = (),
) -> Alert:
    return Alert(
        cluster="",
        source=SOURCE,
        when=now,
        fingerprint=name,
        name=condition.name,
        severity=condition.severity,
        state=state,
        since=condition.since,
        labels=tuple(sorted(labels.items())),
        annotations=(
            ("description", condition.description),
            ("runbook_url", f"{RUNBOOKS}/{condition.name}"),
            ("summary", condition.summary),
        ),
        silenced_by=silenced_by,
        inhibited_by=inhibited_by,
        receivers=receivers,
    )


def fingerprint(labels: dict[str, str]) -> str:
    """FNV-1a over what tells alerts apart, 64 bits: the same on every run, as a fingerprint must be."""
    value = 0xCBF29CE484222325
    for byte in "/".join([labels["alertname"], *(labels.get(key, "") for key in IDENTITY)]).encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return f"{value:016x}"
