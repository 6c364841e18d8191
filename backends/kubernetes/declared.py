"""What Jobs and JobSets say of themselves, and Kueue and Volcano of when they may run."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from crashcart.backends.text import clean

from .owners import Owner, is_identifier, maker
from .pods import checkpoint_comment, gpus_of, queue_of
from .shapes import Condition, JobSpec, Meta, RawJob, RawJobSet, RawPodGroup, RawWorkload
from .site import Site

Place = tuple[str, Owner]
"""Namespace and owner: what a job is, whatever kind it is of."""

_VERDICTS = {
    "Complete": "COMPLETED", "Completed": "COMPLETED", "Failed": "FAILED", "FailureTarget": "COMPLETING",
    "SuccessCriteriaMet": "COMPLETING",
}  # fmt: skip
_WORDS = 200


class Declared(msgspec.Struct, gc=False, kw_only=True):
    """A Job or JobSet. `gpus` are those of all pods that it would run at once; `verdict` is set when it has ended."""

    place: Place
    parent: Place | None
    uid: str
    gpus: int
    suspended: bool
    verdict: str | None
    reason: str | None
    failed: int
    user: str | None
    queue: str | None
    qos: str | None = None
    comment: str | None
    submitted: float | None
    started: float | None = None
    ended: float | None = None
    limit_seconds: float | None = None


class Gate(msgspec.Struct, gc=False, kw_only=True):
    """What decides when a job runs: Kueue's Workload or Volcano's PodGroup of it."""

    place: Place  # of the job
    by: str  # kueue, volcano
    queue: str | None
    is_open: bool
    is_held: bool = False
    reason: str | None = None
    priority: int | None = None


def declared_job(raw: RawJob, site: Site) -> Declared | None:
    """A Job; None when its name is no identifier."""
    meta, spec, status = raw.metadata, raw.spec, raw.status
    if not is_identifier(meta.namespace, meta.name):
        return None
    verdict, reason, ended = _verdict(status.conditions or (), site)
    template = spec.template
    return Declared(
        place=(meta.namespace, Owner("Job", meta.name)),
        parent=_parent(meta),
        uid=clean(meta.uid, limit=80),
        gpus=_gpus(spec, site),
        suspended=spec.suspend or False,
        verdict=verdict,
        reason=reason,
        failed=status.failed or 0,
        user=site.user(meta.labels, meta.annotations, template.metadata.labels, template.metadata.annotations),
        queue=queue_of(meta),
        qos=clean(template.spec.priority_class_name, limit=80) or None,
        comment=checkpoint_comment(meta) or checkpoint_comment(template.metadata),
        submitted=site.time(meta.creation_timestamp),
        started=site.time(status.start_time),
        ended=site.time(status.completion_time) or ended,
        limit_seconds=spec.active_deadline_seconds,
    )


def declared_job_set(raw: RawJobSet, site: Site) -> Declared | None:
    """A JobSet; None when its name is no identifier."""
    meta, parts = raw.metadata, raw.spec.replicated_jobs or ()
    if not is_identifier(meta.namespace, meta.name):
        return None
    verdict, reason, ended = _verdict(raw.status.conditions or (), site)
    return Declared(
        place=(meta.namespace, Owner("JobSet", meta.name)),
        parent=_parent(meta),
        uid=clean(meta.uid, limit=80),
        gpus=sum(part.replicas * _gpus(part.template.spec, site) for part in parts),
        suspended=raw.spec.suspend or False,
        verdict=verdict,
        reason=reason,
        failed=raw.status.restarts or 0,
        user=site.user(meta.labels, meta.annotations),
        queue=queue_of(meta),
        comment=checkpoint_comment(meta),
        submitted=site.time(meta.creation_timestamp),
        ended=ended,
    )


def gate_of_workload(raw: RawWorkload, site: Site) -> Gate | None:
    """Kueue's word on a job; None when it is of nothing that we know."""
    place = _parent(raw.metadata)
    if place is None:
        return None
    said = {condition.type: condition for condition in raw.status.conditions or ()}
    admitted, reserved = said.get("Admitted"), said.get("QuotaReserved")
    is_open = admitted is not None and admitted.status == "True"
    is_held = raw.spec.active is False
    waits = said.get("Evicted") if reserved is None else reserved if reserved.status != "True" else admitted
    words = " ".join(waits.message.split()) if waits is not None and waits.status != "True" else ""
    return Gate(
        place=place,
        by="kueue",
        queue=clean(f"{raw.metadata.namespace}/{raw.spec.queue_name}", limit=160) if raw.spec.queue_name else None,
        is_open=is_open and not is_held,
        is_held=is_held,
        reason="held in Kueue"
        if is_held
        else clean(f"not admitted: {words}" if words else "not admitted", limit=_WORDS),
        priority=raw.spec.priority,
    )


def gate_of_pod_group(raw: RawPodGroup, site: Site) -> Gate | None:
    """Volcano's word on a job; None when it is of nothing that we know."""
    place = _parent(raw.metadata)
    if place is None:
        return None
    waits = next(
        (one for one in raw.status.conditions or () if one.type == "Unschedulable" and one.status == "True"), None
    )
    words = " ".join(waits.message.split()) if waits is not None else f"pod group {raw.status.phase or 'not seen yet'}"
    return Gate(
        place=place,
        by="volcano",
        queue=clean(f"volcano/{raw.spec.queue}", limit=160) if raw.spec.queue else None,
        is_open=raw.status.phase in ("Running", "Completed"),
        reason=clean(words, limit=_WORDS),
    )


def _parent(meta: Meta) -> Place | None:
    made_by = maker(meta)
    return None if made_by is None else (meta.namespace, made_by)


def _gpus(spec: JobSpec, site: Site) -> int:
    parallel = 1 if spec.parallelism is None else spec.parallelism
    return parallel * gpus_of(spec.template.spec, site.gpus)


def _verdict(conditions: Iterable[Condition], site: Site) -> tuple[str | None, str | None, float | None]:
    """How it ended, why it failed, and when; the final word counts more than the one that announces it."""
    found: tuple[str | None, str | None, float | None] = (None, None, None)
    for condition in conditions:
        verdict = _VERDICTS.get(condition.type)
        if verdict is None or condition.status != "True":
            continue
        words = clean(f"{condition.reason}: {' '.join(condition.message.split())}", limit=_WORDS)
        said = (verdict, words if verdict != "COMPLETED" else None, site.time(condition.last_transition_time))
        if verdict != "COMPLETING":
            return said
        found = (verdict, words, None)
    return found
