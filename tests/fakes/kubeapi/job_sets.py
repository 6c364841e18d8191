"""JobSets: make their Jobs, suspend and resume them as one; end when all have ended well or one has not."""

from __future__ import annotations

from typing import Any

from .following import Following
from .objects.meta import owner_reference
from .resources import JOB_SETS, JOBS
from .store import Store, Stored, key_of
from .strategies import created, timestamp

Object = dict[str, Any]

_LABEL = "jobset.sigs.k8s.io"


class JobSets:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._sets, self._jobs = Following(store, JOB_SETS), Following(store, JOBS)

    def step(self, now: float) -> float | None:
        """Look at sets that changed, or one of whose Jobs did."""
        dirty = {key_of(change.new.value) for change in self._sets.news() if change.new is not None}
        for change in self._jobs.news():
            row = change.new or change.old
            assert row is not None
            if name := (row.value["metadata"].get("labels") or {}).get(f"{_LABEL}/jobset-name"):
                dirty.add((row.value["metadata"]["namespace"], name))
        with self._store.lock:
            for key in dirty:
                row = self._store.get(JOB_SETS, key)
                if row is not None and not row.value["metadata"].get("deletionTimestamp"):
                    self._sync(row)
        return None

    def _sync(self, row: Stored) -> None:
        job_set = row.value
        if any(_is(job_set, kind) for kind in ("Completed", "Failed")):
            return
        is_suspended = bool(job_set["spec"].get("suspend"))
        told, jobs = [], []
        for replicated in job_set["spec"]["replicatedJobs"]:
            mine = [
                self._job(job_set, replicated, index, is_suspended) for index in range(replicated.get("replicas", 1))
            ]
            told.append(_counts(replicated["name"], mine))
            jobs += mine
        status = {"restarts": 0, **(job_set.get("status") or {}), "replicatedJobsStatus": told}
        conditions = _conditions(status.get("conditions") or [], is_suspended, jobs)
        status |= {"conditions": conditions} if conditions else {}
        if status != job_set.get("status"):
            self._store.put(JOB_SETS, {**job_set, "status": status})

    def _job(self, job_set: Object, replicated: Object, index: int, is_suspended: bool) -> Object:
        """The Job of an index as it is, or as it is made now."""
        metadata = job_set["metadata"]
        name = f"{metadata['name']}-{replicated['name']}-{index}"
        row = self._store.get(JOBS, (metadata["namespace"], name))
        if row is None:
            row = self._store.put(JOBS, created(JOBS, _made(job_set, replicated, name, index, is_suspended)))
        elif bool(row.value["spec"].get("suspend")) != is_suspended:
            row = self._store.put(JOBS, {**row.value, "spec": {**row.value["spec"], "suspend": is_suspended}})
        return row.value


def _made(job_set: Object, replicated: Object, name: str, index: int, is_suspended: bool) -> Object:
    metadata, template = job_set["metadata"], replicated["template"]
    labels = {
        f"{_LABEL}/jobset-name": metadata["name"],
        f"{_LABEL}/jobset-uid": metadata["uid"],
        f"{_LABEL}/replicatedjob-name": replicated["name"],
        f"{_LABEL}/replicatedjob-replicas": str(replicated.get("replicas", 1)),
        f"{_LABEL}/job-index": str(index),
        f"{_LABEL}/restart-attempt": "0",
    }
    pod = template["spec"]["template"]
    inside = pod.get("metadata") or {}
    pod = {**pod, "metadata": {**inside, "labels": (inside.get("labels") or {}) | labels}}
    own = template.get("metadata") or {}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": metadata["namespace"],
            "labels": (own.get("labels") or {}) | labels,
            "ownerReferences": [owner_reference(job_set)],
        },
        "spec": {**template["spec"], "template": pod, "suspend": is_suspended},
    }


def _counts(name: str, jobs: list[Object]) -> Object:
    states = [job.get("status") or {} for job in jobs]
    ended = [_is(job, "Complete") or _is(job, "Failed") for job in jobs]
    return {
        "name": name,
        "ready": sum(
            not over and state.get("ready", 0) + state.get("succeeded", 0) >= job["spec"]["parallelism"]
            for job, state, over in zip(jobs, states, ended, strict=True)
        ),
        "succeeded": sum(_is(job, "Complete") for job in jobs),
        "failed": sum(_is(job, "Failed") for job in jobs),
        "active": sum(bool(state.get("active")) for state in states),
        "suspended": sum(bool(job["spec"].get("suspend")) for job in jobs),
    }


def _conditions(known: list[Object], is_suspended: bool, jobs: list[Object]) -> list[Object]:
    """What JobSet v0.5 and later write (jobset_controller.go)."""
    if is_suspended:
        known = _with(known, "Suspended", True, "SuspendedJobs", "jobset is suspended")
    elif any(one["type"] == "Suspended" for one in known):
        known = _with(known, "Suspended", False, "ResumeJobs", "jobset is resumed")
    if any(_is(job, "Failed") for job in jobs):
        return _with(known, "Failed", True, "FailedJobs", "jobset failed due to one or more job failures")
    if all(_is(job, "Complete") for job in jobs):
        return _with(known, "Completed", True, "AllJobsCompleted", "jobset completed successfully")
    return known


def _with(known: list[Object], kind: str, is_true: bool, reason: str, message: str) -> list[Object]:
    if any(one["type"] == kind and one["status"] == str(is_true) for one in known):
        return known
    others = [one for one in known if one["type"] != kind]
    said = {"type": kind, "status": str(is_true), "lastTransitionTime": timestamp(), "reason": reason}
    return [*others, {**said, "message": message}]


def _is(thing: Object, kind: str) -> bool:
    conditions = (thing.get("status") or {}).get("conditions") or []
    return any(one["type"] == kind and one["status"] == "True" for one in conditions)
