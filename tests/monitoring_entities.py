"""Small silences, failing targets, checks and histories for tests; each takes what the test is about."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from typing import Any

from crashcart.backends.model import Check, History, Matcher, Silence, Target


def silence(id: str = "s1", **fields: Any) -> Silence:
    base: dict[str, Any] = {
        "cluster": "a100", "source": "alertmanager", "when": 1000.0, "state": "active", "starts": 900.0, "ends": 8000.0,
        "matchers": (Matcher("alertname", "GpuXid"),), "created_by": "crashcart:anna", "comment": "INC-7",
    }  # fmt: skip
    return Silence(id=id, **{**base, **fields})


def target(instance: str = "gpu001:9400", **fields: Any) -> Target:
    base: dict[str, Any] = {
        "cluster": "a100", "source": "prometheus", "when": 1000.0, "job": "dcgm", "host": "gpu001",
        "error": "connection refused", "since": 940.0, "interval_seconds": 15.0,
    }  # fmt: skip
    return Target(instance=instance, **{**base, **fields})


def check(name: str = "dead-man alert", **fields: Any) -> Check:
    base: dict[str, Any] = {"cluster": "a100", "source": "alertmanager", "when": 1000.0, "state": "ok"}
    return Check(name=name, **{**base, **fields})


def day_of_alerts(series: Mapping[str, Sequence[float]], end: float, step: float = 1800.0) -> History:
    """How many alerts of each name fired, the last sample at `end`."""
    points = len(next(iter(series.values()), ()))
    values = memoryview(array("f", [value for samples in series.values() for value in samples])).cast("B")
    start = end - step * (points - 1)
    return History("prometheus", "a100", "alerts", end, start, step, tuple(series), values)
