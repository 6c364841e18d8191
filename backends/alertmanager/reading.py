"""Reads all there is to read: every Alertmanager at once, each in its own thread."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec

from crashcart.backends.errors import BackendError, Unreachable
from crashcart.backends.model import RequestLoad

from .answer import Answer, joined, not_understood, refusal
from .link import AlertmanagerLink
from .options import Options
from .parse import Listed, ListedSilence, failed_notifications, parse_alerts, parse_silences

if TYPE_CHECKING:
    from .transport import Transport

ALERTS = "/api/v2/alerts"
SILENCES = "/api/v2/silences"
METRICS = "/metrics"
METRICS_LIMIT = 4 << 20
METRICS_SECONDS = 2.0
METRICS_EVERY_SECONDS = 30.0

GRACE_SECONDS = 2.5
"""How long the slow ones are waited for once the first has answered: one that hangs must not stop the picture."""


@dataclass(frozen=True, slots=True)
class Metrics:
    """What an Alertmanager counts: notifications that failed since it started, by integration."""

    failed_notifications: Mapping[str, float]
    load: RequestLoad


@dataclass(frozen=True, slots=True)
class Reading:
    """What one Alertmanager told. `skew` is what to add to its times to have them by our clock, in seconds."""

    alerts: tuple[Listed, ...]
    silences: tuple[ListedSilence, ...]
    skew: float = 0.0
    loads: tuple[RequestLoad, ...] = ()
    metrics: Metrics | None = None  # None: not asked, or it does not tell


Task = asyncio.Task[Reading | BackendError]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of each."""

    cluster: str
    options: Options
    with_metrics: bool = False

    def of(self, to: Transport) -> Reading:
        """Ask one Alertmanager; runs in a thread. Raises BackendError."""
        when = time.time()
        listed = self._get(to, ALERTS)
        try:
            alerts = parse_alerts(
                listed.body, cluster=self.cluster, when=when, severity_label=self.options.severity_label
            )
        except (msgspec.DecodeError, UnicodeDecodeError, OverflowError) as error:
            raise not_understood(listed, "alerts", error) from error
        kept = self._get(to, SILENCES)
        try:
            silences = parse_silences(kept.body, cluster=self.cluster, when=when)
        except (msgspec.DecodeError, UnicodeDecodeError, OverflowError) as error:
            raise not_understood(kept, "silences", error) from error
        loads = (self._load("alerts", listed, len(alerts)), self._load("silences", kept, len(silences)))
        return Reading(alerts, silences, -listed.ahead_seconds, loads)

    def _get(self, to: Transport, path: str) -> Answer:
        answer = to.ask("GET", path)
        if (error := refusal(answer, self.options)) is not None:
            raise error
        return answer

    def metrics_of(self, to: Transport) -> Metrics | None:
        """Its counts of failed notifications; None where it does not tell. Raises BackendError."""
        answer = to.ask("GET", METRICS, limit=METRICS_LIMIT)
        failed = failed_notifications(answer.body) if answer.status == 200 else {}
        return Metrics(failed, self._load("metrics", answer, len(failed), METRICS_EVERY_SECONDS)) if failed else None

    def _load(self, what: str, answer: Answer, rows: int, every: float | None = None) -> RequestLoad:
        every = every or self.options.interval_seconds
        return RequestLoad(f"{what} of {answer.name}", every, answer.seconds, len(answer.body), rows)


async def read_all(links: Sequence[AlertmanagerLink], question: Question) -> dict[str, Reading | BackendError]:
    """What each of them told, or why it did not, by name."""
    tasks = {link.name: asyncio.create_task(_read(link, question), name=f"read {link.name}") for link in links}
    try:
        await _settled(set(tasks.values()))
        return {name: task.result() if task.done() else _too_slow(name) for name, task in tasks.items()}
    finally:
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)


def readings_of(told: Mapping[str, Reading | BackendError]) -> list[Reading]:
    """The readings among them. Raises the error of all where there is none."""
    readings = [one for one in told.values() if isinstance(one, Reading)]
    if not readings:
        raise joined([one for one in told.values() if isinstance(one, BackendError)])
    return readings


async def _read(link: AlertmanagerLink, question: Question) -> Reading | BackendError:
    try:
        reading = await link.within(question.options.timeout_seconds, question.of)
    except BackendError as error:
        return error
    if not question.with_metrics:
        return reading
    try:
        metrics = await link.within(METRICS_SECONDS, question.metrics_of)
    except BackendError:  # a proxy may keep /metrics back: alerts and silences are what matters
        return reading
    return replace(reading, metrics=metrics)


async def _settled(pending: set[Task]) -> None:
    """Return when all are done, or some time after the first that has a reading."""
    ends: float | None = None
    while pending:
        left = None if ends is None else max(0.0, ends - time.monotonic())
        done, pending = await asyncio.wait(pending, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        if not done:
            return
        if ends is None and any(isinstance(task.result(), Reading) for task in done):
            ends = time.monotonic() + GRACE_SECONDS


def _too_slow(name: str) -> Unreachable:
    return Unreachable(f"alertmanager {name}: no answer within {GRACE_SECONDS:g} s after the others; look at its host")
