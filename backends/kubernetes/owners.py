"""Which job a pod is part of: the top of its owners, as far as the pod and its makers tell."""

from __future__ import annotations

from typing import NamedTuple

from crashcart.backends.errors import BadIdentifier
from crashcart.backends.text import workload_id

from .shapes import Meta, OwnerRef

_VOLCANO = "batch.volcano.sh/"
_JOB_SET = "jobset.sigs.k8s.io/jobset-name"
_LEADER_WORKER_SET = "leaderworkerset.sigs.k8s.io/name"
_TEMPLATE_HASH = "pod-template-hash"
_LABELS = {"Job": ("JobSet", _JOB_SET), "StatefulSet": ("LeaderWorkerSet", _LEADER_WORKER_SET)}
"""Kind of a maker -> the kind above it that writes its own name into this label of all pods."""


class Owner(NamedTuple):
    """What made something: `Job/llm-7b`."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


def job_name(namespace: str, owner: Owner) -> str:
    """The id of the Job entity for this owner: `train/llm` for a Job, `train/llm.jobset` for others.

    Raises BadIdentifier.
    """
    ending = "" if owner.kind == "Job" else f".{owner.kind.lower()}"
    return workload_id(f"{namespace}/{owner.name}{ending}")


def maker(meta: Meta) -> Owner | None:
    """The controller of this object; None when nothing makes it again."""
    ref = controller(meta)
    return None if ref is None else Owner(_kind(ref), ref.name)


def controller(meta: Meta) -> OwnerRef | None:
    """The reference to the controller."""
    return next((ref for ref in meta.owner_references or () if ref.controller), None)


def above(meta: Meta, made_by: Owner) -> Owner:
    """The owner above a pod's maker where the pod's labels name it, else the maker."""
    labels = meta.labels or {}
    if made_by.kind == "ReplicaSet" and (ending := labels.get(_TEMPLATE_HASH)):
        name = made_by.name.removesuffix(f"-{ending}")
        return Owner("Deployment", name) if name != made_by.name else made_by
    if made_by.kind in _LABELS:
        kind, label = _LABELS[made_by.kind]
        if (top := labels.get(label)) is not None:
            return Owner(kind, top)
    return made_by


def is_identifier(namespace: str, name: str) -> bool:
    """Whether these can be used in commands and paths."""
    try:
        workload_id(f"{namespace}/{name}")
    except BadIdentifier:
        return False
    return True


def _kind(ref: OwnerRef) -> str:
    """Volcano calls its own thing Job too."""
    kind = ref.kind if ref.kind.isascii() and ref.kind.isalnum() else "Unknown"
    return "VolcanoJob" if kind == "Job" and ref.api_version.startswith(_VOLCANO) else kind
