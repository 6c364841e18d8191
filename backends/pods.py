"""What only Kubernetes has: pods, the disruption budgets that protect them, and events."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from .entity import Entity, Kind


class Pod(Entity, frozen=True, array_like=True, gc=False, kw_only=True, tag="pod"):
    """A pod that asks for GPUs, or that a drain would have to move."""

    kind: ClassVar[Kind] = "pod"
    namespace: str
    name: str
    phase: str  # PENDING RUNNING SUCCEEDED FAILED UNKNOWN, or TERMINATING once it is being deleted
    node: str | None = None  # the node's name after node_rules
    owner: str | None = None  # "Job/llm-7b", "DaemonSet/dcgm-exporter"; None: a bare pod, nothing makes it again
    job: str | None = None  # id of the Job entity it belongs to
    gpus: int = 0
    gpu_indexes: tuple[int, ...] | None = None
    gpus_known_by: str | None = None  # "device annotation", "count only"
    reason: str | None = None  # why it waits or fails, in the scheduler's words, short
    message: str | None = None
    priority: int | None = None
    restarts: int | None = None
    created: float | None = None
    started: float | None = None
    deleted: float | None = None  # when its deletion was asked for
    containers: tuple[str, ...] = ()
    is_daemon: bool = False  # of a DaemonSet: a drain leaves it
    is_mirror: bool = False  # a static pod of the kubelet: a drain leaves it
    has_local_data: bool = False  # emptyDir volumes, lost when it goes
    labels: tuple[str, ...] | None = None  # "app=llm", what budgets select by; None: not known

    @property
    def key(self) -> str:
        return f"{self.cluster}/{self.namespace}/{self.name}"


class Budget(Entity, frozen=True, array_like=True, gc=False, kw_only=True, tag="budget"):
    """A PodDisruptionBudget: how many of its pods may go at a time."""

    kind: ClassVar[Kind] = "budget"
    namespace: str
    name: str
    selector: str  # "app=llm"
    allowed: int | None = None  # disruptions allowed now
    healthy: int | None = None
    desired: int | None = None
    expected: int | None = None

    @property
    def key(self) -> str:
        return f"{self.cluster}/{self.namespace}/{self.name}"


class Event(Entity, frozen=True, array_like=True, gc=False, kw_only=True, tag="event"):
    """A warning of the last hour about a node, a job or a pod with GPUs."""

    kind: ClassVar[Kind] = "event"
    id: str
    about: str  # "Node/gpu-0001", "Pod/train/llm-0"
    reason: str
    message: str
    count: int = 1
    last_seen: float = 0.0

    @property
    def key(self) -> str:
        return f"{self.cluster}/{self.id}"


class PodHit(msgspec.Struct, frozen=True):
    """What evicting one pod would do, asked of the API server by a dry run."""

    pod: Pod
    outcome: str  # "evicts", "blocked", "refused", "stays"
    why: str = ""  # "budget llm-002 needs 63 healthy pods and has 63", "DaemonSet", ...
