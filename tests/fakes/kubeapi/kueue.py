"""Kueue's answer to `spec.active` of a Workload: evicted and its job suspended, or admitted and its job resumed."""

from __future__ import annotations

from typing import Any

from .following import Following
from .resources import BY_KIND, WORKLOADS, group_of
from .store import Store, Stored, key_of
from .strategies import timestamp

Object = dict[str, Any]


class Kueue:
    """`heeds` is False for an owner that goes on running although its Workload is inactive (kueue#8387)."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._workloads = Following(store, WORKLOADS)
        self.heeds = True

    def step(self, now: float) -> float | None:
        """Look at workloads that changed."""
        for change in self._workloads.news():
            if change.new is None:
                continue
            with self._store.lock:
                row = self._store.get(WORKLOADS, key_of(change.new.value))
                if row is not None:
                    self._tend(row)
        return None

    def _tend(self, row: Stored) -> None:
        workload = row.value
        status = workload.get("status") or {}
        is_active = workload["spec"].get("active", True)
        is_admitted = any(
            one["type"] == "Admitted" and one["status"] == "True" for one in status.get("conditions") or []
        )
        if not is_active and is_admitted:
            self._write(row, {key: part for key, part in status.items() if key != "admission"}, _evicted())
            self._suspend(workload, True)
        elif is_active and not is_admitted and _was_deactivated(status):
            queue = workload["spec"].get("queueName", "")
            admission = {"clusterQueue": queue, "podSetAssignments": []}
            self._write(row, {**status, "admission": admission}, _admitted(queue))
            self._suspend(workload, False)

    def _write(self, row: Stored, status: Object, news: list[Object]) -> None:
        named = {one["type"] for one in news}
        others = [one for one in status.get("conditions") or [] if one["type"] not in named]
        generation = row.value["metadata"].get("generation", 1)
        conditions = [{**one, "observedGeneration": generation, "lastTransitionTime": timestamp()} for one in news]
        self._store.put(WORKLOADS, {**row.value, "status": {**status, "conditions": [*others, *conditions]}})

    def _suspend(self, workload: Object, suspend: bool) -> None:
        if not self.heeds:
            return
        for owner in workload["metadata"].get("ownerReferences") or []:
            resource = BY_KIND.get((group_of(owner["apiVersion"]), owner["kind"]))
            key = (workload["metadata"]["namespace"], owner["name"])
            row = self._store.get(resource, key) if resource else None
            if resource and row is not None:
                self._store.put(resource, {**row.value, "spec": {**row.value["spec"], "suspend": suspend}})


def _was_deactivated(status: Object) -> bool:
    return any(
        one["type"] == "Evicted" and one["reason"] == "Deactivated" and one["status"] == "True"
        for one in status.get("conditions") or []
    )


def _evicted() -> list[Object]:
    said = "The workload is deactivated"
    return [
        {"type": "Evicted", "status": "True", "reason": "Deactivated", "message": said},
        {"type": "QuotaReserved", "status": "False", "reason": "Pending", "message": said},
        {
            "type": "Admitted",
            "status": "False",
            "reason": "NoReservation",
            "message": "The workload has no reservation",
        },
        {"type": "Requeued", "status": "False", "reason": "Deactivated", "message": said},
    ]


def _admitted(queue: str) -> list[Object]:
    quota = f"Quota reserved in ClusterQueue {queue}"
    return [
        {"type": "Evicted", "status": "False", "reason": "QuotaReserved", "message": f"Previously: {quota}"},
        {"type": "QuotaReserved", "status": "True", "reason": "QuotaReserved", "message": quota},
        {"type": "Admitted", "status": "True", "reason": "Admitted", "message": "The workload is admitted"},
    ]
