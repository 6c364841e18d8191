"""Keeps the numbers of PodDisruptionBudgets: how many pods are healthy, how many must be, how many may go."""

from __future__ import annotations

import math
import time
from typing import Any

from .eviction import budget_condition, budgets_of, is_ready
from .following import Following, is_of_weight
from .resources import BUDGETS, PODS
from .selectors import labels_of, matches_selector
from .store import Key, Store, key_of
from .strategies import seconds_of

Object = dict[str, Any]
PodsByLabel = dict[tuple[str, str, str], list[Object]]

DISRUPTED_SECONDS = 120.0  # an evicted pod that is still there by then counts as not evicted (disruption.go)
BETWEEN_LOOKS = 0.1  # seconds at least between two counts of the same pods


class Disruption:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._pods, self._budgets = Following(store, PODS), Following(store, BUDGETS)
        self._dirty: set[Key] = set()
        self._last = 0.0

    def step(self, now: float) -> float | None:
        """Count the pods of those budgets anew that changed, or whose pods did."""
        with self._store.lock:
            self._note_changes()
            if self._dirty and now - self._last < BETWEEN_LOOKS:
                return self._last + BETWEEN_LOOKS
            dirty, self._dirty = self._dirty & self._store.shelf(BUDGETS).rows.keys(), set()
            if dirty:
                self._last = now
                pods = self._pods_by_label()
                for key in dirty:
                    self._count(key, pods)
        return None

    def _note_changes(self) -> None:
        self._dirty |= {key_of(change.new.value) for change in self._budgets.news() if change.new is not None}
        for change in self._pods.news():
            if is_of_weight(change):
                for row in (change.old, change.new):
                    if row is not None:
                        self._dirty |= {key_of(budget.value) for budget in budgets_of(self._store, row.value)}

    def _pods_by_label(self) -> PodsByLabel:
        """All pods that have not ended, by namespace and each of their labels; under an empty label all of them."""
        found: PodsByLabel = {}
        for (namespace, _), row in self._store.shelf(PODS).rows.items():
            if (row.value.get("status") or {}).get("phase") not in ("Succeeded", "Failed"):
                for label in [("", ""), *labels_of(row.value).items()]:
                    found.setdefault((namespace, *label), []).append(row.value)
        return found

    def _count(self, key: Key, by_label: PodsByLabel) -> None:
        budget = self._store.shelf(BUDGETS).rows[key].value
        selector, known = budget["spec"].get("selector") or {}, budget.get("status") or {}
        label = next(iter((selector.get("matchLabels") or {}).items()), ("", ""))
        candidates = by_label.get((key[0], *label), [])
        pods = [pod for pod in candidates if matches_selector(selector, labels_of(pod))]
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
