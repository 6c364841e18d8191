"""Keeps the numbers of PodDisruptionBudgets: how many pods are healthy, how many must be, how many may go."""

from __future__ import annotations

import math
import time
from typing import Any

from .eviction import budget_condition, is_ready
from .following import Following
from .resources import BUDGETS, PODS
from .selectors import labels_of, matches_selector
from .store import Key, Store
from .strategies import seconds_of

Object = dict[str, Any]

DISRUPTED_SECONDS = 120.0  # an evicted pod that is still there by then counts as not evicted (disruption.go)
BETWEEN_LOOKS = 0.1  # seconds at least between two counts of the same pods


class Disruption:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._pods, self._budgets = Following(store, PODS), Following(store, BUDGETS)
        self._dirty: set[str] = set()
        self._last = 0.0

    def step(self, now: float) -> float | None:
        """Count anew in the namespaces where something changed."""
        for change in [*self._pods.news(), *self._budgets.news()]:
            row = change.new or change.old
            assert row is not None
            self._dirty.add(row.value["metadata"]["namespace"])
        if self._dirty and now - self._last < BETWEEN_LOOKS:
            return self._last + BETWEEN_LOOKS
        namespaces, self._dirty = self._dirty, set()
        self._last = now
        with self._store.lock:
            for key in list(self._store.shelf(BUDGETS).rows):
                if key[0] in namespaces:
                    self._count(key)
        return None

    def _count(self, key: Key) -> None:
        budget = self._store.shelf(BUDGETS).rows[key].value
        selector, known = budget["spec"].get("selector"), budget.get("status") or {}
        pods = [
            row.value
            for where, row in self._store.shelf(PODS).rows.items()
            if where[0] == key[0] and matches_selector(selector, labels_of(row.value))
        ]
        pods = [pod for pod in pods if (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed")]
        disrupted = _still_disrupted(known.get("disruptedPods") or {}, pods)
        healthy = sum(_is_healthy(pod, disrupted) for pod in pods)
        desired = _desired(budget["spec"], len(pods))
        allowed = max(0, healthy - desired) if pods else 0
        status: Object = {"disruptedPods": disrupted} if disrupted else {}
        status |= {
            "observedGeneration": budget["metadata"].get("generation", 1),
            "disruptionsAllowed": allowed,
            "currentHealthy": healthy,
            "desiredHealthy": desired,
            "expectedPods": len(pods),
            "conditions": budget_condition(allowed, known.get("conditions")),
        }
        if status != known:
            self._store.put(BUDGETS, {**budget, "status": status})


def _is_healthy(pod: Object, disrupted: Object) -> bool:
    metadata = pod["metadata"]
    return not metadata.get("deletionTimestamp") and metadata["name"] not in disrupted and is_ready(pod)


def _still_disrupted(disrupted: Object, pods: list[Object]) -> Object:
    alive = {pod["metadata"]["name"] for pod in pods if not pod["metadata"].get("deletionTimestamp")}
    since = time.time() - DISRUPTED_SECONDS
    return {name: when for name, when in disrupted.items() if name in alive and seconds_of(when) > since}


def _desired(spec: Object, expected: int) -> int:
    if "maxUnavailable" in spec:
        return max(0, expected - _count_of(spec["maxUnavailable"], expected))
    return _count_of(spec.get("minAvailable", 0), expected)


def _count_of(amount: int | str, expected: int) -> int:
    """A number, or a share of the expected pods, rounded up."""
    if isinstance(amount, str) and amount.endswith("%"):
        return math.ceil(expected * int(amount[:-1]) / 100)
    return int(amount)
