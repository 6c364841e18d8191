"""Jobs, JobSets and budgets."""

from __future__ import annotations

from typing import Any

from .meta import metadata
from .pods import pod_spec

Object = dict[str, Any]

QUEUE_LABEL = "kueue.x-k8s.io/queue-name"


def job(
    name: str,
    namespace: str = "train",
    *,
    pods: int = 1,
    gpus: int = 8,
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
    backoff_limit: int = 6,
    suspend: bool = False,
    queue: str = "",
    grace_seconds: int = 30,
    node_selector: dict[str, str] | None = None,
    volumes: list[Object] | None = None,
) -> Object:
    """A Job whose pods all run at once; in a `queue` it is Kueue's."""
    inside = {"app": name} | (labels or {})
    own = inside | ({QUEUE_LABEL: queue} if queue else {})
    spec = pod_spec(gpus, restart="Never", grace_seconds=grace_seconds, node_selector=node_selector, volumes=volumes)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata(name, namespace, labels=own, annotations=annotations),
        "spec": {
            "parallelism": pods,
            "completions": pods,
            "backoffLimit": backoff_limit,
            "suspend": suspend,
            "template": {"metadata": {"labels": inside}, "spec": spec},
        },
    }


def job_set(name: str, namespace: str = "train", *, replicas: int = 2, pods: int = 2, gpus: int = 8) -> Object:
    """A JobSet of one kind of job."""
    template = {"spec": {"parallelism": pods, "completions": pods,
                         "template": {"spec": pod_spec(gpus, restart="Never")}}}  # fmt: skip
    spec = {"replicatedJobs": [{"name": "workers", "replicas": replicas, "template": template}], "suspend": False}
    return {"apiVersion": "jobset.x-k8s.io/v1alpha2", "kind": "JobSet", "metadata": metadata(name, namespace),
            "spec": spec}  # fmt: skip


def budget(
    name: str,
    namespace: str = "train",
    *,
    match: dict[str, str],
    min_available: int | str | None = None,
    max_unavailable: int | str | None = None,
) -> Object:
    """A PodDisruptionBudget over the pods with these labels."""
    spec: Object = {"selector": {"matchLabels": match}}
    if min_available is not None:
        spec["minAvailable"] = min_available
    if max_unavailable is not None:
        spec["maxUnavailable"] = max_unavailable
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(name, namespace),
        "spec": spec,
    }


def namespace(name: str) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata(name)}
