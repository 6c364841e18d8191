"""How many alerts of each name fired during the last day."""

from __future__ import annotations

from .alerts import AlertBook
from .protocol import Past
from .samples import NAN, floats

STEP_SECONDS = 1800.0
POINTS = 49


def alert_history(alerts: AlertBook, until: float) -> Past:
    """One day until the last whole minute at or before `until`; nothing is known from Prometheus' death on."""
    start = until // 60.0 * 60.0 - (POINTS - 1) * STEP_SECONDS
    times = [start + STEP_SECONDS * point for point in range(POINTS)]
    series = alerts.record.counts(times, STEP_SECONDS)
    died = alerts.stopped_at
    if died is not None:
        for counts in series.values():
            counts[:] = [NAN if when >= died else count for when, count in zip(times, counts, strict=True)]
    values = b"".join(floats(counts) for counts in series.values())
    return Past("alerts", start, STEP_SECONDS, tuple(series), memoryview(values))
