"""Samples of the last hour: what the cockpit held of a GPU itself first, what was read for the page before that.

Values are samples as they were told, with gaps where there is none; nothing is filled in between.
"""

from __future__ import annotations

import math

from crashcart.backends.model import History

from .store import Store

Samples = list[tuple[float, float]]
"""(Unix seconds, value), oldest first, without NaN."""


def gpu_samples(store: Store, cluster: str, host: str, gpu: int, metric: str) -> Samples:
    """What is known of one metric of one GPU."""
    table = store.gpus.get(cluster)
    held = [] if table is None else _known(table.recent(metric, host, gpu))
    first = held[0][0] if held else math.inf
    return [*(sample for sample in _told(store, cluster, host, f"{metric}/{gpu}") if sample[0] < first), *held]


def host_samples(store: Store, cluster: str, host: str, metric: str) -> Samples:
    """What is known of one metric of a machine."""
    return _told(store, cluster, host, metric)


def _told(store: Store, cluster: str, host: str, name: str) -> Samples:
    """The series as the source tells it that has most of it: sources are not mixed into one line."""
    told = [_series(history, name) for history in store.histories.get((cluster, f"host:{host}"), {}).values()]
    return max(told, key=len, default=[])


def _series(history: History, name: str) -> Samples:
    if name not in history.names:
        return []
    first, points = history.names.index(name) * history.points, history.points
    values = memoryview(history.values).cast("f")[first : first + points].tolist()
    return _known([(history.start + history.step_seconds * index, value) for index, value in enumerate(values)])


def _known(samples: Samples) -> Samples:
    return [sample for sample in samples if not math.isnan(sample[1])]
