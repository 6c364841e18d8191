"""What is listed and watched: where it is in the API, what shape it has, and what it is needed for."""

from __future__ import annotations

from typing import Any, NamedTuple

from .shapes import (
    RawBudget,
    RawClusterQueue,
    RawEvent,
    RawJob,
    RawJobSet,
    RawLocalQueue,
    RawNode,
    RawPod,
    RawPodGroup,
    RawVolcanoQueue,
    RawWorkload,
)


class Resource(NamedTuple):
    """`name` as operators and messages say it. The version of a group that somebody may have installed is asked for."""

    name: str
    plural: str
    group: str
    version: str
    shape: Any
    is_namespaced: bool = True
    is_optional: bool = False
    fields: str = ""  # a field selector

    def path(self, namespace: str = "", version: str = "") -> str:
        """Where it is listed; in all namespaces without one."""
        base = f"/apis/{self.group}/{version or self.version}" if self.group else f"/api/{self.version}"
        place = f"/namespaces/{namespace}" if namespace and self.is_namespaced else ""
        return f"{base}{place}/{self.plural}"


_KUEUE, _VOLCANO = "kueue.x-k8s.io", "scheduling.volcano.sh"

NODES = Resource("nodes", "nodes", "", "v1", RawNode, is_namespaced=False)
PODS = Resource("pods", "pods", "", "v1", RawPod)
JOBS = Resource("jobs", "jobs", "batch", "v1", RawJob)
BUDGETS = Resource("budgets", "poddisruptionbudgets", "policy", "v1", RawBudget)
EVENTS = Resource("events", "events", "", "v1", RawEvent, fields="type=Warning")
JOB_SETS = Resource("jobsets", "jobsets", "jobset.x-k8s.io", "v1alpha2", RawJobSet, is_optional=True)
WORKLOADS = Resource("workloads", "workloads", _KUEUE, "v1beta1", RawWorkload, is_optional=True)
CLUSTER_QUEUES = Resource(
    "clusterqueues", "clusterqueues", _KUEUE, "v1beta1", RawClusterQueue, is_namespaced=False, is_optional=True
)
LOCAL_QUEUES = Resource("localqueues", "localqueues", _KUEUE, "v1beta1", RawLocalQueue, is_optional=True)
VOLCANO_QUEUES = Resource(
    "volcano queues", "queues", _VOLCANO, "v1beta1", RawVolcanoQueue, is_namespaced=False, is_optional=True
)
POD_GROUPS = Resource("podgroups", "podgroups", _VOLCANO, "v1beta1", RawPodGroup, is_optional=True)

ALL = (
    NODES,
    PODS,
    JOBS,
    JOB_SETS,
    WORKLOADS,
    POD_GROUPS,
    CLUSTER_QUEUES,
    LOCAL_QUEUES,
    VOLCANO_QUEUES,
    BUDGETS,
    EVENTS,
)
