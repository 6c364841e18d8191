"""What `get` prints of pods, events and disruption budgets: one flat object, unknown is null."""

from __future__ import annotations

from typing import Any

from crashcart.backends.pods import Budget, Event, Pod
from crashcart.ops.fields import Scene
from crashcart.ops.pod_fields import event_job, event_node, is_blocked


def _seconds(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def pod_row(scene: Scene, pod: Pod) -> dict[str, Any]:
    """One pod."""
    guards = scene.joins.pods.guards(pod)
    return {
        "cluster": pod.cluster,
        "namespace": pod.namespace,
        "name": pod.name,
        "state": pod.phase.lower(),
        "reason": pod.reason,
        "message": pod.message,
        "node": pod.node,
        "job": pod.job,
        "owner": pod.owner,
        "gpus": pod.gpus,
        "gpu_indexes": None if pod.gpu_indexes is None else list(pod.gpu_indexes),
        "gpus_known_by": pod.gpus_known_by,
        "restarts": pod.restarts,
        "priority": pod.priority,
        "created_seconds": _seconds(None if pod.created is None else scene.now - pod.created),
        "terminating_seconds": _seconds(None if pod.deleted is None else scene.now - pod.deleted),
        "containers": list(pod.containers),
        "is_daemon": pod.is_daemon,
        "is_mirror": pod.is_mirror,
        "has_local_data": pod.has_local_data,
        "budgets": [guard.budget.name for guard in guards if guard.is_sure],
        "blocked": is_blocked(scene, pod),
        "labels": None if pod.labels is None else list(pod.labels),
        "age_seconds": _seconds(scene.now - scene.store.when_true(pod)),
        "source": pod.source,
    }


def event_row(scene: Scene, event: Event) -> dict[str, Any]:
    """One event."""
    return {
        "cluster": event.cluster,
        "about": event.about,
        "node": event_node(scene, event),
        "job": event_job(scene, event),
        "reason": event.reason,
        "message": event.message,
        "count": event.count,
        "last_seen": event.last_seen,
        "seen_seconds": _seconds(scene.now - event.last_seen),
        "age_seconds": _seconds(scene.now - scene.store.when_true(event)),
        "source": event.source,
    }


def budget_row(scene: Scene, budget: Budget) -> dict[str, Any]:
    """One disruption budget."""
    pods = scene.joins.pods.guarded(budget)
    return {
        "cluster": budget.cluster,
        "namespace": budget.namespace,
        "name": budget.name,
        "selector": budget.selector,
        "allowed": budget.allowed,
        "healthy": budget.healthy,
        "desired": budget.desired,
        "expected": budget.expected,
        "pods": [f"{pod.namespace}/{pod.name}" for pod in pods],
        "nodes": sorted({pod.node for pod in pods if pod.node is not None}),
        "age_seconds": _seconds(scene.now - scene.store.when_true(budget)),
        "source": budget.source,
    }


POD_COLUMNS = (
    "cluster", "namespace", "name", "state", "reason", "node", "job", "owner", "gpus", "gpu_indexes", "gpus_known_by",
    "restarts", "priority", "created_seconds", "terminating_seconds", "budgets", "blocked", "is_daemon",
    "has_local_data", "age_seconds", "source",
)  # fmt: skip
EVENT_COLUMNS = (
    "cluster", "seen_seconds", "about", "node", "job", "reason", "message", "count", "last_seen", "age_seconds",
    "source",
)  # fmt: skip
BUDGET_COLUMNS = (
    "cluster", "namespace", "name", "selector", "allowed", "healthy", "desired", "expected", "pods", "nodes",
    "age_seconds", "source",
)  # fmt: skip
