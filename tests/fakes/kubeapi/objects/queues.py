"""Kueue's queues and workloads (v1beta2), and Volcano's queues and pod groups."""

from __future__ import annotations

from typing import Any

from tests.fakes.kubeapi.strategies import timestamp

from .meta import metadata
from .nodes import NVIDIA

Object = dict[str, Any]

KUEUE = "kueue.x-k8s.io/v1beta2"
VOLCANO = "scheduling.volcano.sh/v1beta1"
FLAVOR = "h100"


def cluster_queue(
    name: str,
    *,
    quota: int,
    used: int = 0,
    borrowed: int = 0,
    pending: int = 0,
    admitted: int = 0,
    cohort: str = "",
    resource: str = NVIDIA,
) -> Object:
    """A queue with a quota of GPUs, and what is used of it."""
    quotas = [{"name": resource, "nominalQuota": str(quota)}]
    group = {"coveredResources": [resource], "flavors": [{"name": FLAVOR, "resources": quotas}]}
    usage = [{"name": FLAVOR, "resources": [{"name": resource, "total": str(used), "borrowed": str(borrowed)}]}]
    spec: Object = {"resourceGroups": [group], "queueingStrategy": "BestEffortFIFO", "stopPolicy": "None"}
    return {
        "apiVersion": KUEUE,
        "kind": "ClusterQueue",
        "metadata": metadata(name),
        "spec": spec | ({"cohortName": cohort} if cohort else {}),
        "status": {
            "conditions": [workload_condition("Active", True, "Ready", "Can admit new workloads")],
            "flavorsReservation": usage,
            "flavorsUsage": usage,
            "pendingWorkloads": pending,
            "reservingWorkloads": admitted,
            "admittedWorkloads": admitted,
        },
    }


def local_queue(name: str, namespace: str, cluster: str, *, pending: int = 0, admitted: int = 0) -> Object:
    status = {
        "pendingWorkloads": pending,
        "reservingWorkloads": admitted,
        "admittedWorkloads": admitted,
        "conditions": [workload_condition("Active", True, "Ready", "Can submit new workloads to localQueue")],
    }
    return {
        "apiVersion": KUEUE,
        "kind": "LocalQueue",
        "metadata": metadata(name, namespace),
        "spec": {"clusterQueue": cluster, "stopPolicy": "None"},
        "status": status,
    }


def workload(
    name: str,
    namespace: str = "train",
    *,
    queue: str,
    owner: Object | None = None,
    pods: int = 1,
    gpus: int = 8,
    priority: int = 0,
    conditions: list[Object] | None = None,
    admitted_by: str = "",
) -> Object:
    """A Workload; with `admitted_by` (a ClusterQueue) it has its quota, otherwise it says why in `conditions`."""
    container = {"name": "main", "resources": {"requests": {NVIDIA: str(gpus)}}}
    spec = {
        "active": True,
        "queueName": queue,
        "priority": priority,
        "podSets": [{"name": "main", "count": pods, "template": {"spec": {"containers": [container]}}}],
    }
    status: Object = {"conditions": conditions or []}
    if admitted_by:
        assigned = {
            "name": "main",
            "flavors": {NVIDIA: FLAVOR},
            "resourceUsage": {NVIDIA: str(pods * gpus)},
            "count": pods,
        }
        status["admission"] = {"clusterQueue": admitted_by, "podSetAssignments": [assigned]}
        status["conditions"] += [
            workload_condition("QuotaReserved", True, "QuotaReserved", f"Quota reserved in ClusterQueue {admitted_by}"),
            workload_condition("Admitted", True, "Admitted", "The workload is admitted"),
        ]
    return {
        "apiVersion": KUEUE,
        "kind": "Workload",
        "metadata": metadata(name, namespace, owner=owner),
        "spec": spec,
        "status": status,
    }


def waiting(message: str, reason: str = "Pending") -> list[Object]:
    """Conditions of a workload that has no quota."""
    return [workload_condition("QuotaReserved", False, reason, message)]


def workload_condition(kind: str, is_true: bool, reason: str, message: str) -> Object:
    return {
        "type": kind,
        "status": str(is_true),
        "lastTransitionTime": timestamp(),
        "reason": reason,
        "message": message,
        "observedGeneration": 1,
    }


def volcano_queue(name: str, *, capability: int, allocated: int = 0, weight: int = 1) -> Object:
    """A queue with a most of GPUs."""
    spec = {"weight": weight, "reclaimable": True, "capability": {NVIDIA: str(capability)}}
    status = {"state": "Open", "allocated": {NVIDIA: str(allocated)}, "running": 1 if allocated else 0}
    return {"apiVersion": VOLCANO, "kind": "Queue", "metadata": metadata(name), "spec": spec, "status": status}


def pod_group(name: str, namespace: str, queue: str, *, members: int, phase: str = "Inqueue", why: str = "") -> Object:
    """A gang; `why` it is not placed stands in a condition."""
    status: Object = {"phase": phase}
    if why:
        status["conditions"] = [
            {
                "type": "Unschedulable",
                "status": "True",
                "lastTransitionTime": timestamp(),
                "reason": "NotEnoughResources",
                "message": why,
                "transitionID": "1",
            }
        ]
    return {
        "apiVersion": VOLCANO,
        "kind": "PodGroup",
        "metadata": metadata(name, namespace),
        "spec": {"minMember": members, "queue": queue},
        "status": status,
    }
