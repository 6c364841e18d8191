"""Places pods on nodes that have room, by taints, selectors and counted resources; says why where there is none."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

from .binding import place
from .following import Following, is_of_weight
from .objects.events import event
from .resources import EVENTS, NODES, PODS
from .store import Change, Store, Stored, key_of
from .strategies import created, timestamp

Object = dict[str, Any]

BETWEEN_LOOKS = 0.05  # seconds at least; a look at many nodes takes its time, and more is left between two of them
ENDED = ("Succeeded", "Failed")


class Scheduler:
    """Counts what is asked for in whole units (GPUs, NICs), not CPU and memory."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pods, self._nodes = Following(store, PODS), Following(store, NODES)
        self._waiting: set[tuple[str, str]] = set()
        self._next = 0.0
        self._is_dirty = False

    def step(self, now: float) -> float | None:
        """Try all pods that wait, whenever a pod or a node changed."""
        changes = [change for change in self._pods.news() if is_of_weight(change)]
        self._waiting |= {key_of(one.new.value) for one in changes if one.new is not None and _waits(one.new.value)}
        has_room_changed = any(_changes_room(change) for change in self._nodes.news())
        self._is_dirty = (self._is_dirty or bool(changes) or has_room_changed) and bool(self._waiting)
        if not self._is_dirty or now < self._next:
            return self._next if self._is_dirty else None
        self._is_dirty = False
        with self._store.lock:
            self._place_all()
        took = time.monotonic() - now
        self._next = now + max(BETWEEN_LOOKS, 10 * took)
        return None

    def _place_all(self) -> None:
        used: dict[str, Counter[str]] = {}
        for row in self._store.shelf(PODS).rows.values():
            node = row.value["spec"].get("nodeName")
            if node and row.value["status"].get("phase") not in ENDED:
                used.setdefault(node, Counter()).update(_asked(row.value))
        for key in sorted(self._waiting):
            pod = self._store.get(PODS, key)
            if pod is None or not _waits(pod.value) or self._place(pod, used):
                self._waiting.discard(key)

    def _place(self, row: Stored, used: dict[str, Counter[str]]) -> bool:
        pod, reasons = row.value, Counter[str]()
        nodes = self._store.shelf(NODES)
        for key in nodes.sorted_keys():
            name = key[1]
            if reason := _obstacle(pod, nodes.rows[key].value, used.get(name, Counter())):
                reasons[reason] += 1
                continue
            used.setdefault(name, Counter()).update(_asked(pod))
            place(self._store, row, name)
            return True
        self._report(row, _no_room(reasons, len(nodes.rows)))
        return False

    def _report(self, row: Stored, message: str) -> None:
        pod = row.value
        conditions = pod["status"].get("conditions") or []
        if any(one["type"] == "PodScheduled" and one.get("message") == message for one in conditions):
            return
        condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message,
                     "lastProbeTime": None, "lastTransitionTime": timestamp()}  # fmt: skip
        others = [one for one in conditions if one["type"] != "PodScheduled"]
        status = {**pod["status"], "phase": "Pending", "conditions": [*others, condition]}
        self._store.put(PODS, {**pod, "status": status})
        self._store.put(EVENTS, created(EVENTS, event(pod, "FailedScheduling", message)))


def _changes_room(change: Change) -> bool:
    """A node's heartbeat does not."""
    if change.old is None or change.new is None:
        return True
    old, new = change.old.value, change.new.value
    labels = old["metadata"].get("labels") != new["metadata"].get("labels")
    return labels or old.get("spec") != new.get("spec") or _allocatable(old) != _allocatable(new)


def _allocatable(node: Object) -> Object:
    return (node.get("status") or {}).get("allocatable") or {}


def _waits(pod: Object) -> bool:
    spec, metadata = pod["spec"], pod["metadata"]
    is_placed = spec.get("nodeName") or spec.get("schedulingGates") or metadata.get("deletionTimestamp")
    return not is_placed and spec.get("schedulerName", "default-scheduler") == "default-scheduler"


def _asked(pod: Object) -> Counter[str]:
    """Extended resources of all containers; what the limits say."""
    asked = Counter[str]()
    for container in pod["spec"].get("containers") or []:
        for name, amount in ((container.get("resources") or {}).get("limits") or {}).items():
            if "/" in name:
                asked[name] += int(amount)
    return asked


def _obstacle(pod: Object, node: Object, used: Counter[str]) -> str:
    """Why not here, in the words of the scheduler; empty when nothing is in the way."""
    spec, tolerations = node.get("spec") or {}, pod["spec"].get("tolerations") or []
    if spec.get("unschedulable") and not any(
        one.get("operator") == "Exists" and one.get("key") in (None, "node.kubernetes.io/unschedulable")
        for one in tolerations
    ):
        return "node(s) were unschedulable"
    blocking = [taint for taint in spec.get("taints") or [] if taint["effect"] != "PreferNoSchedule"]
    if any(not any(_tolerates(one, taint) for one in tolerations) for taint in blocking):
        return "node(s) had untolerated taint(s)"
    labels = node["metadata"].get("labels") or {}
    if any(labels.get(key) != value for key, value in (pod["spec"].get("nodeSelector") or {}).items()):
        return "node(s) didn't match Pod's node affinity/selector"
    allocatable = _allocatable(node)
    for name, amount in _asked(pod).items():
        if used[name] + amount > int(allocatable.get(name, 0)):
            return f"Insufficient {name}"
    return ""


def _tolerates(toleration: Object, taint: Object) -> bool:
    if toleration.get("effect") and toleration["effect"] != taint["effect"]:
        return False
    if toleration.get("operator") == "Exists":
        return toleration.get("key") in (None, "", taint["key"])
    return bool(toleration.get("key") == taint["key"] and toleration.get("value", "") == taint.get("value", ""))


def _no_room(reasons: Counter[str], nodes: int) -> str:
    said = ", ".join(sorted(f"{count} {reason}" for reason, count in reasons.items()))
    room = sum(count for reason, count in reasons.items() if reason.startswith("Insufficient"))
    help_ = [f"{room} No preemption victims found for incoming pod"] if room else []
    help_ += [f"{nodes - room} Preemption is not helpful for scheduling"] if nodes - room else []
    if not nodes:
        return "no nodes available to schedule pods"
    return (
        f"0/{nodes} nodes are available: {said}. no new claims to deallocate, "
        f"preemption: 0/{nodes} nodes are available: {', '.join(sorted(help_))}."
    )
