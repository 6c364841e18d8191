"""A pod of the API as our pod, and what its job and its node need to know of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import msgspec

from crashcart.backends.pods import Pod
from crashcart.backends.text import clean

from .amounts import GpuResources, amount
from .owners import Owner, above, controller, is_identifier, maker
from .pending import short_reason
from .shapes import Container, ContainerStatus, Meta, PodSpec, RawPod
from .site import SOURCE, Site

_MIRROR = "kubernetes.io/config.mirror"
_QUEUE_LABELS = ("kueue.x-k8s.io/queue-name", "volcano.sh/queue-name", "scheduling.volcano.sh/queue-name")
_CHECKPOINT = "crashcart.io/checkpoint"
_PHASES = {"Pending": "PENDING", "Running": "RUNNING", "Succeeded": "SUCCEEDED", "Failed": "FAILED"}
_STARTING = frozenset({"", "ContainerCreating", "PodInitializing"})
_INDEXES = re.compile(r"\d{1,3}(?:,\d{1,3}){0,63}\Z")
_MESSAGE = 400


class PodFact(msgspec.Struct, gc=False):
    """A pod, and what is not in the entity. A pod that nothing makes again is its own owner."""

    pod: Pod
    owner: Owner
    uid: str  # of the owner, "" where that is above the pod's maker
    node: str | None  # where it takes room; None when it is over or nowhere
    cpus: float
    user: str | None
    queue: str | None
    qos: str | None
    comment: str | None

    @property
    def is_over(self) -> bool:
        """It holds nothing any more."""
        return self.pod.phase in ("SUCCEEDED", "FAILED")

    @property
    def is_listed(self) -> bool:
        """Whether it is shown: it has GPUs, or a drain would have to move it."""
        pod = self.pod
        if pod.gpus:
            return pod.phase != "SUCCEEDED"
        return not (pod.is_daemon or pod.is_mirror or self.is_over) and pod.node is not None


def pod_fact(raw: RawPod, site: Site, when: float) -> PodFact | None:
    """What we know of this pod; None when its name is no identifier."""
    meta, spec, status = raw.metadata, raw.spec, raw.status
    if not is_identifier(meta.namespace, meta.name):
        return None
    ref, made_by, annotations = controller(meta), maker(meta), meta.annotations or {}
    is_mirror = _MIRROR in annotations
    owner = Owner("Pod", meta.name) if made_by is None or is_mirror else above(meta, made_by)
    phase = _phase(raw)
    node = site.node(spec.node_name) if spec.node_name else None
    gpus = gpus_of(spec, site.gpus)
    indexes = _indexes(annotations, site.options.gpu_index_annotations) if gpus else None
    reason, message = _trouble(raw, phase)
    pod = Pod(
        cluster=site.cluster,
        source=SOURCE,
        when=when,
        namespace=meta.namespace,
        name=meta.name,
        phase=phase,
        node=node,
        owner=None if made_by is None else clean(str(made_by), limit=300),
        gpus=gpus,
        gpu_indexes=indexes,
        gpus_known_by=None if not gpus else "count only" if indexes is None else "device annotation",
        reason=reason,
        message=message,
        priority=spec.priority,
        restarts=_restarts(status.container_statuses),
        created=site.time(meta.creation_timestamp),
        started=site.time(status.start_time),
        deleted=site.time(meta.deletion_timestamp),
        containers=tuple([clean(container.name, limit=80) for container in spec.containers or ()]),
        is_daemon=made_by is not None and made_by.kind == "DaemonSet",
        is_mirror=is_mirror,
        has_local_data=any(volume.empty_dir is not None for volume in spec.volumes or ()),
        labels=_labels(meta.labels),
    )
    return PodFact(
        pod=pod,
        owner=owner,
        uid=meta.uid if owner.kind == "Pod" else ref.uid if ref is not None and owner == made_by else "",
        node=None if phase in ("SUCCEEDED", "FAILED") else node,
        cpus=_cpus(spec.containers),
        user=site.user(meta.labels, annotations),
        queue=queue_of(meta),
        qos=clean(spec.priority_class_name, limit=80) or None,
        comment=checkpoint_comment(meta),
    )


def gpus_of(spec: PodSpec, gpus: GpuResources) -> int:
    """GPUs that a pod holds: those of its containers and sidecars, or of one init container where that is more."""
    running = sum([_count(container, gpus) for container in spec.containers or ()])
    if not spec.init_containers:
        return running
    most = 0
    for container in spec.init_containers:
        if container.restart_policy == "Always":
            running += _count(container, gpus)
        else:
            most = max(most, _count(container, gpus))
    return max(running, most)


def checkpoint_comment(meta: Meta) -> str | None:
    """How the job wants to be asked to save itself, in the form that a job's comment has."""
    told = (meta.annotations or {}).get(_CHECKPOINT)
    if not told:
        return None
    mark = "crashcart-ckpt:"
    return clean(told if told.startswith(mark) else mark + "".join(told.split()), limit=500)


def _count(container: Container, gpus: GpuResources) -> int:
    wants = container.resources
    if wants is None:
        return 0
    asked = gpus.count(wants.requests)
    return asked or gpus.count(wants.limits)


def _cpus(containers: Sequence[Container] | None) -> float:
    total = 0.0
    for container in containers or ():
        if container.resources is not None and container.resources.requests:
            total += amount(container.resources.requests.get("cpu")) or 0.0
    return total


def _labels(told: Mapping[str, str] | None) -> tuple[str, ...]:
    """`app=llm`, sorted; strings repeat from pod to pod and are few."""
    return tuple([clean(f"{name}={value}", limit=160) for name, value in sorted((told or {}).items())])


def _phase(raw: RawPod) -> str:
    phase = _PHASES.get(raw.status.phase, "UNKNOWN")
    if raw.metadata.deletion_timestamp is not None and phase not in ("SUCCEEDED", "FAILED"):
        return "TERMINATING"
    return phase


def _restarts(statuses: Sequence[ContainerStatus] | None) -> int | None:
    return None if statuses is None else sum([status.restart_count for status in statuses])


def _indexes(annotations: dict[str, str], names: Sequence[str]) -> tuple[int, ...] | None:
    for name in names:
        told = annotations.get(name)
        if told is not None and _INDEXES.match(told):
            return tuple(sorted({int(index) for index in told.split(",")}))
    return None


def queue_of(meta: Meta) -> str | None:
    """`NAMESPACE/QUEUE` for Kueue's local queues, `volcano/QUEUE` for Volcano's."""
    for told in (meta.labels, meta.annotations):
        for label in _QUEUE_LABELS if told else ():
            if name := told.get(label) if told else None:
                place = meta.namespace if label.startswith("kueue") else "volcano"
                return clean(f"{place}/{name}", limit=160)
    return None


def _trouble(raw: RawPod, phase: str) -> tuple[str | None, str | None]:
    """Why it waits, fails or goes, short and in full."""
    if phase == "TERMINATING":
        return _condition(raw, "DisruptionTarget", "True")
    if phase == "PENDING":
        for condition in raw.status.conditions or ():
            if condition.type == "PodScheduled" and condition.status == "False":
                short = short_reason(condition.message) if condition.message else clean(condition.reason, limit=80)
                return short, clean(condition.message, limit=_MESSAGE) or None
    if phase in ("PENDING", "RUNNING"):
        return _waiting(raw)
    if phase == "FAILED":
        return _end(raw)
    return None, None


def _condition(raw: RawPod, type_: str, status: str) -> tuple[str | None, str | None]:
    for condition in raw.status.conditions or ():
        if condition.type == type_ and condition.status == status:
            return clean(condition.reason, limit=80), clean(condition.message, limit=_MESSAGE)
    return None, None


def _waiting(raw: RawPod) -> tuple[str | None, str | None]:
    """ImagePullBackOff, CrashLoopBackOff, ..."""
    for statuses in (raw.status.init_container_statuses, raw.status.container_statuses):
        for status in statuses or ():
            waiting = status.state.waiting if status.state is not None else None
            if waiting is not None and waiting.reason not in _STARTING:
                return clean(waiting.reason, limit=80), clean(waiting.message, limit=_MESSAGE) or None
    return None, None


def _end(raw: RawPod) -> tuple[str | None, str | None]:
    """Evicted, OOMKilled, Error (exit 1)."""
    status = raw.status
    if status.reason:
        return clean(status.reason, limit=80), clean(status.message, limit=_MESSAGE) or None
    for told in status.container_statuses or ():
        ended = told.state.terminated if told.state is not None else None
        if ended is not None and ended.exit_code != 0:
            code = "" if ended.exit_code is None else f" (exit {ended.exit_code})"
            return clean(f"{ended.reason or 'Error'}{code}", limit=80), clean(ended.message, limit=_MESSAGE) or None
    return None, None
