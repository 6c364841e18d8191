"""What the Kubernetes half of the simulated cluster is made of, as it changes."""

from __future__ import annotations

import msgspec

from .state import SimNode


class SimPod(msgspec.Struct, eq=False):
    """A pod. Without a workload that makes it again it is bare."""

    namespace: str
    name: str
    app: str
    gpus: int
    created: float
    workload: SimWorkload | None = None
    node: SimNode | None = None
    gpu_indexes: tuple[int, ...] = ()
    started: float | None = None
    restarts: int = 0
    reason: str | None = None
    message: str | None = None
    has_local_data: bool = False

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def phase(self) -> str:
        return "RUNNING" if self.node is not None else "PENDING"


class SimWorkload(msgspec.Struct, eq=False):
    """Whatever owns pods: a Job, a PyTorchJob, a Deployment, or a bare pod itself."""

    kind: str
    namespace: str
    name: str
    user: str
    submitted: float
    pods_wanted: int
    gpus_each: int
    queue: str | None = None
    is_kueue: bool = False
    is_suspended: bool = False
    load: str = "serve"  # name of a load in loads.py
    never_fits: str | None = None  # why no node will ever do
    restarts: int = 0
    run: int = 0  # counts stops, so that what was planned for an earlier run does nothing
    made: int = 0  # pods so far
    pods: list[SimPod] = msgspec.field(default_factory=list)

    @property
    def id(self) -> str:
        """As jobs of Kubernetes are called."""
        return f"{self.namespace}/{self.name}" + ("" if self.kind == "Job" else f".{self.kind.lower()}")

    @property
    def is_bare(self) -> bool:
        return self.kind == "Pod"


class SimCordon(msgspec.Struct, frozen=True):
    """Why a node takes no new pods, and who said so."""

    reason: str
    by: str
    at: float
    condition: str | None = None


class SimBudget(msgspec.Struct, frozen=True):
    """How many pods with a label must stay healthy."""

    namespace: str
    name: str
    app: str
    needed: int
