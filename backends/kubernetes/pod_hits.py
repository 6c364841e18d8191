"""What a drain would do to each pod of a node, asked of the API server by a dry run that heeds its budgets."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from crashcart.backends.errors import BackendError
from crashcart.backends.pods import Pod, PodHit

from .asking import Asking, decoded, each
from .budget_room import remarks
from .eviction_answer import answer_of, eviction
from .failures import NotSignedIn
from .node_pods import OVER, NodePods
from .owners import maker
from .pods import pod_fact
from .shapes import JobStatus, Meta, RawPod
from .site import Site
from .workload_kinds import QUEUE_NAME

_OUTCOMES = {"evicts": "evicts", "gone": "evicts", "blocked": "blocked"}


class BackOffSpec(msgspec.Struct, rename="camel"):
    backoff_limit: int | None = None


class OwnerJob(msgspec.Struct):
    """A Job, as far as it matters to whoever loses one of its pods."""

    metadata: Meta = msgspec.field(default_factory=Meta)
    spec: BackOffSpec = msgspec.field(default_factory=BackOffSpec)
    status: JobStatus = msgspec.field(default_factory=JobStatus)


async def pod_hits(asking: Asking, pods: NodePods, site: Site, when: float) -> tuple[PodHit, ...]:
    """Every pod that is not over and what evicting it would do. Raises BackendError."""
    found = [raw for raw in await pods.read() if raw.status.phase not in OVER]
    known = [(raw, fact.pod) for raw in found if (fact := pod_fact(raw, site, when)) is not None]
    jobs = await _jobs_of(asking, [raw for raw, pod in known if not _stays(pod)])

    async def hit(one: tuple[RawPod, Pod]) -> PodHit:
        raw, pod = one
        if why := _stays(pod):
            return PodHit(pod, "stays", why)
        return await _asked(asking, raw, pod, "; ".join(_remarks(raw, pod, jobs)))

    hits = await each(hit, known)
    going = [raw for (raw, _), one in zip(known, hits, strict=True) if one.outcome == "evicts"]
    room = await remarks(asking, going)
    return tuple(sorted((_with_room(one, room) for one in hits), key=lambda one: (one.pod.namespace, one.pod.name)))


def _with_room(hit: PodHit, room: dict[str, str]) -> PodHit:
    words = room.get(f"{hit.pod.namespace}/{hit.pod.name}")
    return hit if words is None else PodHit(hit.pod, hit.outcome, "; ".join(filter(None, (words, hit.why))))


async def _asked(asking: Asking, raw: RawPod, pod: Pod, remarks: str) -> PodHit:
    path = f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}/eviction"
    what = f"eviction of {pod.namespace}/{pod.name}"
    body = eviction(pod.name, raw.metadata.uid, is_dry=True)
    reply = await asking.post(path, body, query=(("dryRun", "All"),), what=what)
    if reply.status == 401:
        raise asking.client.refusal(reply, what)
    answer = answer_of(reply)
    outcome = _OUTCOMES.get(answer.outcome, "refused")
    return PodHit(pod, outcome, "; ".join(words for words in (answer.why, remarks) if words))


def _stays(pod: Pod) -> str:
    if pod.is_mirror:
        return "static pod of the kubelet"
    return "DaemonSet" if pod.is_daemon else ""


def _remarks(raw: RawPod, pod: Pod, jobs: dict[tuple[str, str], OwnerJob]) -> Iterable[str]:
    """What is lost with it, or counts against its job."""
    if pod.phase == "TERMINATING":
        yield "it is terminating already"
    if pod.owner is None:
        yield "a bare pod: nothing makes it again"
    if pod.has_local_data:
        yield "its emptyDir data are lost"
    job = jobs.get(_job_key(raw))
    if job is not None:
        left = _tries_left(job)
        yield "its Job counts a failure" + (f", {left} more may follow" if left is not None else "")
    labels = {**(raw.metadata.labels or {}), **((job.metadata.labels or {}) if job else {})}
    if QUEUE_NAME in labels:
        yield "Kueue decides when it runs again"


def _tries_left(job: OwnerJob) -> int | None:
    """Failures that its Job survives beyond the one to come."""
    limit = job.spec.backoff_limit
    return None if limit is None else max(0, limit - (job.status.failed or 0) - 1)


async def _jobs_of(asking: Asking, pods: Iterable[RawPod]) -> dict[tuple[str, str], OwnerJob]:
    """The Jobs of these pods; those that may not be read are left out, for they only serve remarks."""

    async def one(key: tuple[str, str]) -> tuple[tuple[str, str], OwnerJob | None]:
        what = f"job {key[0]}/{key[1]}"
        try:
            reply = await asking.get(f"/apis/batch/v1/namespaces/{key[0]}/jobs/{key[1]}", what=what)
            return key, decoded(OwnerJob, reply.body, what)
        except NotSignedIn:
            raise
        except BackendError:
            return key, None

    asked = {key for raw in pods if (key := _job_key(raw))[1]}
    return {key: job for key, job in await each(one, sorted(asked)) if job is not None}


def _job_key(raw: RawPod) -> tuple[str, str]:
    made_by = maker(raw.metadata)
    return raw.metadata.namespace, made_by.name if made_by is not None and made_by.kind == "Job" else ""
