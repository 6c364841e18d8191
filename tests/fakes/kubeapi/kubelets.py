"""The kubelets of all nodes: pods that were placed come to run, pods that are deleted end and are gone."""

from __future__ import annotations

import time
from typing import Any

from .deletion import delete_row
from .following import Following
from .resources import NODES, PODS
from .store import Key, Store
from .strategies import seconds_of, timestamp

Object = dict[str, Any]

STUBBORN = "fake-kubeapi/ignores-sigterm"
"""Annotation of a pod that does not end before its grace period does."""


class Kubelets:
    """`start_seconds` and `exit_seconds` are how long a pod takes to start and to end. `down` are nodes without one."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pods = Following(store, PODS)
        self._due: dict[Key, float] = {}
        self.down: set[str] = set()
        self.exist = True
        self.heal()

    def heal(self) -> None:
        """Every node has a quick one."""
        self.start_seconds = 0.02
        self.exit_seconds = 0.05
        self.down.clear()

    def step(self, now: float) -> float | None:
        """Do what is due; pods of nodes without a kubelet are due for ever."""
        if not self.exist:
            return None
        for change in self._pods.news():
            row = change.new
            if row is None:
                continue
            key = row.value["metadata"]["namespace"], row.value["metadata"]["name"]
            if (seconds := self._seconds_until(row.value)) is not None:
                self._due[key] = min(now + seconds, self._due.get(key, float("inf")))
        for key in [key for key, due in self._due.items() if due <= now]:
            del self._due[key]
            self._tend(key, now)
        return min(self._due.values(), default=None)

    def _seconds_until(self, pod: Object) -> float | None:
        """Until this pod needs its kubelet; None when it does not."""
        metadata = pod["metadata"]
        if not pod["spec"].get("nodeName"):
            return None
        if metadata.get("deletionTimestamp"):
            if STUBBORN in (metadata.get("annotations") or {}):
                return max(0.0, seconds_of(metadata["deletionTimestamp"]) - time.time())
            return min(self.exit_seconds, float(metadata.get("deletionGracePeriodSeconds") or 0))
        return self.start_seconds if pod["status"].get("phase") == "Pending" else None

    def _tend(self, key: Key, now: float) -> None:
        with self._store.lock:
            row = self._store.get(PODS, key)
            if row is None:
                return
            node = row.value["spec"]["nodeName"]
            if node in self.down or self._store.get(NODES, ("", node)) is None:
                self._due[key] = now + 0.1
            elif row.value["metadata"].get("deletionTimestamp"):
                delete_row(self._store, row, {"gracePeriodSeconds": 0})
            elif row.value["status"].get("phase") == "Pending":
                self._store.put(PODS, {**row.value, "status": running_status(row.value)})


def running_status(pod: Object) -> Object:
    """Status of a pod whose containers all run and are ready."""
    now = timestamp()
    kinds = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
    conditions = [{"type": kind, "status": "True", "lastProbeTime": None, "lastTransitionTime": now} for kind in kinds]
    containers = [
        {
            "name": container["name"],
            "image": container.get("image", ""),
            "imageID": f"docker.io/{container.get('image', '')}@sha256:{'ab' * 32}",
            "containerID": f"containerd://{pod['metadata']['uid'].replace('-', '') * 2}",
            "ready": True,
            "started": True,
            "restartCount": 0,
            "lastState": {},
            "state": {"running": {"startedAt": now}},
        }
        for container in pod["spec"]["containers"]
    ]
    address = "10.64.0.10"
    return {
        "phase": "Running",
        "conditions": conditions,
        "hostIP": "192.0.2.10",
        "podIP": address,
        "podIPs": [{"ip": address}],
        "startTime": now,
        "containerStatuses": containers,
        "qosClass": "Burstable",
    }


def ended_status(pod: Object, phase: str, code: int) -> Object:
    """Status of a pod whose containers ended: `Succeeded` or `Failed`."""
    status = pod.get("status") or running_status(pod)
    now = timestamp()
    terminated = {
        "exitCode": code,
        "reason": "Completed" if code == 0 else "Error",
        "startedAt": now,
        "finishedAt": now,
    }
    containers = [
        {**one, "ready": False, "started": False, "state": {"terminated": terminated}}
        for one in status.get("containerStatuses") or []
    ]
    conditions = [
        {**one, "status": "False", "reason": "PodCompleted" if code == 0 else "PodFailed"}
        if one["type"] in ("Ready", "ContainersReady")
        else one
        for one in status.get("conditions") or []
    ]
    return {**status, "phase": phase, "conditions": conditions, "containerStatuses": containers}
