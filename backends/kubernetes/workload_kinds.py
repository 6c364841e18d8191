"""Kinds of workloads: where the API has them, how each is suspended, and how its pods are found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from crashcart.backends.errors import Unsupported
from crashcart.backends.text import workload_id


class WorkloadKind(NamedTuple):
    """`suspend` is the path of the field that suspends it, empty where there is none."""

    kind: str
    group: str  # "" is the core group
    resource: str
    pod_label: str = ""  # pods carry the workload's name in it
    suspend: tuple[str, ...] = ()

    def suspension(self, is_on: bool) -> dict[str, Any]:
        """The change that suspends or resumes it."""
        change: Any = is_on
        for key in reversed(self.suspend):
            change = {key: change}
        return dict(change)

    @property
    def kubectl(self) -> str:
        """Its resource as kubectl finds it whatever else is installed: `job`, `jobsets.jobset.x-k8s.io`."""
        return f"{self.resource}.{self.group}" if self.group not in ("", "batch", "apps") else self.kind.lower()


_SPEC = ("spec", "suspend")
_POLICY = ("spec", "runPolicy", "suspend")
_TRAINING = "training.kubeflow.org/job-name"

POD = WorkloadKind("Pod", "", "pods")
JOB = WorkloadKind("Job", "batch", "jobs", "batch.kubernetes.io/job-name", _SPEC)
WORKLOAD = WorkloadKind("Workload", "kueue.x-k8s.io", "workloads")
JOB_UID = "kueue.x-k8s.io/job-uid"
QUEUE_NAME = "kueue.x-k8s.io/queue-name"

KINDS: Mapping[str, WorkloadKind] = {
    one.kind.lower(): one
    for one in (
        POD,
        JOB,
        WorkloadKind("JobSet", "jobset.x-k8s.io", "jobsets", "jobset.sigs.k8s.io/jobset-name", _SPEC),
        WorkloadKind("PyTorchJob", "kubeflow.org", "pytorchjobs", _TRAINING, _POLICY),
        WorkloadKind("TFJob", "kubeflow.org", "tfjobs", _TRAINING, _POLICY),
        WorkloadKind("MPIJob", "kubeflow.org", "mpijobs", _TRAINING, _POLICY),
        WorkloadKind("XGBoostJob", "kubeflow.org", "xgboostjobs", _TRAINING, _POLICY),
        WorkloadKind("PaddleJob", "kubeflow.org", "paddlejobs", _TRAINING, _POLICY),
        WorkloadKind("JAXJob", "kubeflow.org", "jaxjobs", _TRAINING, _POLICY),
        WorkloadKind("TrainJob", "trainer.kubeflow.org", "trainjobs", "jobset.sigs.k8s.io/jobset-name", _SPEC),
        WorkloadKind("RayJob", "ray.io", "rayjobs", "ray.io/originated-from-cr-name", _SPEC),
        WorkloadKind("RayCluster", "ray.io", "rayclusters", "ray.io/cluster", _SPEC),
        WorkloadKind("VolcanoJob", "batch.volcano.sh", "jobs", "volcano.sh/job-name"),
        WorkloadKind(
            "LeaderWorkerSet", "leaderworkerset.x-k8s.io", "leaderworkersets", "leaderworkerset.sigs.k8s.io/name"
        ),
        WorkloadKind("StatefulSet", "apps", "statefulsets"),
        WorkloadKind("Deployment", "apps", "deployments"),
        WorkloadKind("ReplicaSet", "apps", "replicasets"),
    )
}


class Place(NamedTuple):
    """One workload: which kind, where, its name."""

    kind: WorkloadKind
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind.kind} {self.namespace}/{self.name}"

    @property
    def selector(self) -> str:
        """A label selector for its pods, "" where no label names it."""
        return f"{self.kind.pod_label}={self.name}" if self.kind.pod_label else ""

    @property
    def fields(self) -> str:
        """A field selector for the pod that it is, "" where it is none."""
        return f"metadata.name={self.name}" if self.kind is POD else ""


def place_of(job: str, kind: str | None = None) -> Place:
    """Where `train/llm` (a Job) or `train/llm.jobset` is; `kind` says what it is, where somebody has seen it.

    Without it a known ending counts, so that a Job may have a dot in its name. Raises BadIdentifier, Unsupported.
    """
    namespace, _, name = workload_id(job).partition("/")
    start, dot, ending = name.rpartition(".")
    if kind is None:
        known = KINDS.get(ending) if dot else None
        return Place(JOB, namespace, name) if known is None or known is JOB else Place(known, namespace, start)
    if kind.lower() not in KINDS:
        raise Unsupported(f"{job}: a {kind} can be looked at, but not changed from here")
    if kind == "Job":
        return Place(JOB, namespace, name)
    return Place(KINDS[kind.lower()], namespace, name.removesuffix(f".{kind.lower()}"))
