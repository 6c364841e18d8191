"""Jobs: make their pods, replace those that are gone, count failures, suspend and resume."""

from __future__ import annotations

import random
from typing import Any

from .deletion import delete_row
from .following import Following, is_of_weight
from .owned import OwnedPods
from .resources import JOBS, PODS
from .store import Change, Store, Stored, key_of
from .strategies import NAME_LETTERS, created, timestamp

Object = dict[str, Any]


class JobController:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._jobs, self._pods = Following(store, JOBS), Following(store, PODS)
        self._owned = OwnedPods(store)
        self._by_uid: dict[str, tuple[str, str]] = {}
        self._taken_back: set[str] = set()
        """Pods, by uid, whose end this controller wanted: no failures."""
        self._counted: set[str] = set()

    def step(self, now: float) -> float | None:
        """Bring all jobs forward that changed, or whose pods did."""
        dirty: set[str] = set()
        for change in self._pods.news():
            owner = self._owned.take(change)
            if owner and is_of_weight(change):
                dirty.add(owner)
                self._count_end(owner, change)
        for change in self._jobs.news():
            if change.new is not None:
                uid = change.new.value["metadata"]["uid"]
                self._by_uid[uid] = key_of(change.new.value)
                dirty.add(uid)
        for uid in dirty & self._by_uid.keys():
            with self._store.lock:
                row = self._job(uid)
                if row is not None:
                    self._sync(row)
        return None

    def _count_end(self, owner: str, change: Change) -> None:
        """A pod that ended, or is gone without having ended, counts once."""
        row = change.new or change.old
        assert row is not None
        pod, uid = row.value, row.value["metadata"]["uid"]
        phase = (pod.get("status") or {}).get("phase")
        if uid in self._counted or uid in self._taken_back:
            return
        if change.new is not None and phase not in ("Succeeded", "Failed"):
            return
        with self._store.lock:
            job = self._job(owner)
            if job is None:
                return
            self._counted.add(uid)
            status = job.value.get("status") or {}
            name = "succeeded" if phase == "Succeeded" else "failed"
            self._store.put(JOBS, {**job.value, "status": {**status, name: status.get(name, 0) + 1}})

    def _job(self, uid: str) -> Stored | None:
        """The job itself, not another that got its name later."""
        row = self._store.get(JOBS, self._by_uid.get(uid, ("", "")))
        return row if row is not None and row.value["metadata"]["uid"] == uid else None

    def _sync(self, row: Stored) -> None:
        job, spec = row.value, row.value["spec"]
        status = job.get("status") or {}
        if _is_over(status):
            return
        pods = self._owned.of(job["metadata"]["uid"])
        active = [pod for pod in pods if _is_active(pod.value)]
        if spec.get("suspend") or self._ends(status, spec):
            self._take_back(active)
        else:
            open_ones = spec.get("completions") or spec["parallelism"]
            wanted = min(spec["parallelism"], open_ones - status.get("succeeded", 0))
            terminating = sum(_is_terminating(pod.value) for pod in pods)
            for _ in range(wanted - len(active) - terminating):
                self._make_pod(job)
        self._tell(row, self._owned.of(job["metadata"]["uid"]))

    def _take_back(self, pods: list[Stored]) -> None:
        for pod in pods:
            self._taken_back.add(pod.value["metadata"]["uid"])
            delete_row(self._store, pod, {})

    def _make_pod(self, job: Object) -> None:
        metadata, template = job["metadata"], job["spec"]["template"]
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": metadata["name"], "uid": metadata["uid"],
                 "controller": True, "blockOwnerDeletion": True}  # fmt: skip
        name = f"{metadata['name']}-{''.join(random.choices(NAME_LETTERS, k=5))}"
        inside = template.get("metadata") or {}
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                **inside,
                "name": name,
                "generateName": f"{metadata['name']}-",
                "namespace": metadata["namespace"],
                "ownerReferences": [owner],
            },
            "spec": template["spec"],
        }
        row = self._store.put(PODS, created(PODS, pod))
        self._owned.take(Change(row.revision, None, row))

    def _tell(self, row: Stored, pods: list[Stored]) -> None:
        """Write the status, when it changed."""
        row = self._store.get(JOBS, key_of(row.value)) or row
        job, known = row.value, row.value.get("status") or {}
        active = sum(_is_active(pod.value) for pod in pods)
        counts = {
            "active": active,
            "ready": sum(_is_active(pod.value) and _phase(pod.value) == "Running" for pod in pods),
            "terminating": sum(_is_terminating(pod.value) for pod in pods),
        }
        status = {key: part for key, part in known.items() if key not in counts} | counts
        status = {key: part for key, part in status.items() if key != "active" or part}
        status["uncountedTerminatedPods"] = {}
        status |= self._conditions(job["spec"], known)
        if job["spec"].get("suspend"):
            status.pop("startTime", None)
        elif "startTime" not in status:
            status["startTime"] = timestamp()
        if status != known:
            self._store.put(JOBS, {**job, "status": status})

    def _conditions(self, spec: Object, status: Object) -> Object:
        conditions = list(status.get("conditions") or [])
        suspended = next((one for one in conditions if one["type"] == "Suspended"), None)
        is_suspended = bool(spec.get("suspend"))
        if (suspended is None and is_suspended) or (suspended and (suspended["status"] == "True") != is_suspended):
            conditions = [one for one in conditions if one["type"] != "Suspended"]
            reason, message = ("JobSuspended", "Job suspended") if is_suspended else ("JobResumed", "Job resumed")
            conditions.append(_condition("Suspended", is_suspended, reason, message))
        ended: Object = {}
        match self._ends(status, spec):
            case "Complete":
                reason, message = "CompletionsReached", "Reached expected number of succeeded pods"
                conditions.append(_condition("SuccessCriteriaMet", True, reason, message))
                conditions.append(_condition("Complete", True, reason, message))
                ended = {"completionTime": timestamp()}
            case "Failed":
                reason, message = "BackoffLimitExceeded", "Job has reached the specified backoff limit"
                conditions.append(_condition("FailureTarget", True, reason, message))
                conditions.append(_condition("Failed", True, reason, message))
        return ended | ({"conditions": conditions} if conditions else {})

    def _ends(self, status: Object, spec: Object) -> str:
        if status.get("succeeded", 0) >= (spec.get("completions") or 1):
            return "Complete"
        return "Failed" if status.get("failed", 0) > spec.get("backoffLimit", 6) else ""


def _condition(kind: str, is_true: bool, reason: str, message: str) -> Object:
    now = timestamp()
    return {"type": kind, "status": "True" if is_true else "False", "lastProbeTime": now, "lastTransitionTime": now,
            "reason": reason, "message": message}  # fmt: skip


def _is_over(status: Object) -> bool:
    conditions = status.get("conditions") or []
    return any(one["type"] in ("Complete", "Failed") and one["status"] == "True" for one in conditions)


def _phase(pod: Object) -> str:
    return str((pod.get("status") or {}).get("phase", ""))


def _is_active(pod: Object) -> bool:
    return not pod["metadata"].get("deletionTimestamp") and _phase(pod) not in ("Succeeded", "Failed")


def _is_terminating(pod: Object) -> bool:
    return bool(pod["metadata"].get("deletionTimestamp")) and _phase(pod) not in ("Succeeded", "Failed")
