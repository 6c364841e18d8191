"""What `get` prints of each kind: one flat object, unknown is null."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from crashcart.backends.model import Alert, Check, Job, Node, Plane, Queue, Silence, Target
from crashcart.ops.fields import GpuRow, Scene, node_planes
from crashcart.ops.holds import held_since, holders, reasons

from .kube_rows import BUDGET_COLUMNS, EVENT_COLUMNS, POD_COLUMNS, budget_row, event_row, pod_row


def _rounded(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else round(value, 1)


def _node(scene: Scene, node: Node) -> dict[str, Any]:
    return {
        "cluster": node.cluster,
        "name": node.name,
        "state": node.word,
        "flags": list(node.flags),
        "reason": reasons(node),
        "reason_by": holders(node),
        "reason_age_seconds": _rounded(None if (at := held_since(node)) is None else scene.now - at),
        "planes": list(node_planes(scene, node)),
        "findings": [finding.text for finding in scene.joins.findings.of(node.key, scene.now)],
        "gpus_total": node.gpus_total,
        "gpus_used": node.gpus_used,
        "gpus_allocatable": node.gpus_allocatable,
        "conditions": list(node.conditions),
        "taints": list(node.taints),
        "by_plane": [_plane(plane) for plane in node.planes],
        "jobs": [job.id for job in scene.joins.jobs_on_node(node.key)],
        "partitions": list(node.partitions),
        "rack": node.rack,
        "switch": node.switch,
        "age_seconds": _rounded(scene.now - scene.store.when_true(node)),
        "source": node.source,
    }


def _plane(plane: Plane) -> dict[str, Any]:
    return {
        "source": plane.source,
        "name": plane.name,
        "state": plane.state,
        "flags": list(plane.flags),
        "reason": plane.reason,
        "reason_by": plane.reason_by,
        "reason_at": plane.reason_at,
        "gpus_total": plane.gpus_total,
        "gpus_used": plane.gpus_used,
        "gpus_allocatable": plane.gpus_allocatable,
    }


def _job(scene: Scene, job: Job) -> dict[str, Any]:
    return {
        "cluster": job.cluster,
        "id": job.id,
        "name": job.name,
        "user": job.user,
        "account": job.account,
        "partition": job.partition,
        "qos": job.qos,
        "state": job.state.lower(),
        "reason": job.reason,
        "nodes": [node.name for node in scene.joins.nodes_of_job(job)],
        "node_list": job.node_list or None,
        "gpus": job.gpus,
        "gpu_map": None if job.gpu_map is None else {name: list(indexes) for name, indexes in job.gpu_map},
        "elapsed_seconds": _rounded(job.elapsed_seconds(scene.now)),
        "time_limit_seconds": job.time_limit_seconds,
        "priority": job.priority,
        "requeueable": job.requeueable,
        "restarts": job.restarts,
        "workload": job.workload,
        "managed_by": job.managed_by,
        "pods": [f"{pod.namespace}/{pod.name}" for pod in scene.joins.pods.of_job(job.key)],
        "array": job.array,
        "array_tasks": job.array_tasks,
        "checkpoint_age_seconds": _rounded(None if job.checkpoint_time is None else scene.now - job.checkpoint_time),
        "age_seconds": _rounded(scene.now - scene.store.when_true(job)),
        "source": job.source,
    }


def _queue(scene: Scene, queue: Queue) -> dict[str, Any]:
    counts = scene.joins.queue_counts(queue)
    return {
        "cluster": queue.cluster,
        "name": queue.name,
        "state": queue.state.lower(),
        "is_default": queue.is_default,
        "nodes_total": queue.nodes_total,
        "nodes_by_state": dict(counts.nodes),
        "gpus_total": counts.gpus_total,
        "gpus_used": counts.gpus_used,
        "jobs_running": counts.running if counts.knows_jobs else None,
        "jobs_pending": counts.pending if counts.knows_jobs else None,
        "pending_reasons": dict(counts.reasons),
        "max_time_seconds": queue.max_time_seconds,
        "age_seconds": _rounded(scene.now - scene.store.when_true(queue)),
        "source": queue.source,
    }


def _alert(scene: Scene, alert: Alert) -> dict[str, Any]:
    node, job = scene.joins.alerts.node(alert), scene.joins.alerts.job(alert)
    return {
        "cluster": alert.cluster,
        "name": alert.name,
        "severity": alert.severity,
        "state": alert.state,
        "since": alert.since,
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "silenced_by": list(alert.silenced_by),
        "silenced_until": max((silence.ends for silence in scene.joins.alerts.silences(alert)), default=None),
        "inhibited_by": list(alert.inhibited_by),
        "receivers": list(alert.receivers),
        "node": node.name if node else None,
        "gpu": scene.joins.alerts.gpu(alert),
        "job": job.id if job else None,
        "fingerprint": alert.fingerprint,
        "age_seconds": _rounded(scene.now - scene.store.when_true(alert)),
        "source": alert.source,
    }


def _silence(scene: Scene, silence: Silence) -> dict[str, Any]:
    return {
        "cluster": silence.cluster,
        "id": silence.id,
        "state": silence.state,
        "by": silence.created_by,
        "comment": silence.comment,
        "starts": silence.starts,
        "ends": silence.ends,
        "left_seconds": _rounded(silence.ends - scene.now),
        "matchers": [str(matcher) for matcher in silence.matchers],
        "alerts": [alert.fingerprint for alert in scene.joins.alerts.silenced_by(silence)],
        "age_seconds": _rounded(scene.now - scene.store.when_true(silence)),
        "source": silence.source,
    }


def _target(scene: Scene, target: Target) -> dict[str, Any]:
    return {
        "cluster": target.cluster,
        "job": target.job,
        "instance": target.instance,
        "node": scene.joins.node_name(target.cluster, target.host) if target.host else None,
        "error": target.error or None,
        "silent_seconds": _rounded(scene.now - target.since),
        "interval_seconds": target.interval_seconds,
        "age_seconds": _rounded(scene.now - scene.store.when_true(target)),
        "source": target.source,
    }


def _check(scene: Scene, check: Check) -> dict[str, Any]:
    return {
        "cluster": check.cluster,
        "name": check.name,
        "state": check.state,
        "detail": check.detail,
        "since": check.since,
        "age_seconds": _rounded(scene.now - scene.store.when_true(check)),
        "source": check.source,
    }


def _gpu(scene: Scene, gpu: GpuRow) -> dict[str, Any]:
    table = scene.store.gpus.get(gpu.cluster)

    def sample(metric: str) -> float | None:
        return None if table is None else _rounded(table.value(metric, gpu.host, gpu.index))

    def whole(metric: str) -> int | None:
        value = sample(metric)
        return None if value is None else int(value)

    owner = scene.joins.owner_of_gpu(gpu.cluster, gpu.host, gpu.index)
    when = None if table is None else table.sample_time("util_percent", gpu.host, gpu.index)
    return {
        "cluster": gpu.cluster,
        "host": gpu.host,
        "index": gpu.index,
        "util_percent": sample("util_percent"),
        "memory_used_bytes": whole("memory_used_bytes"),
        "memory_total_bytes": whole("memory_total_bytes"),
        "temperature_celsius": sample("temperature_celsius"),
        "power_watts": sample("power_watts"),
        "sm_clock_mhz": sample("sm_clock_mhz"),
        "throttle_reasons": whole("throttle_reasons"),
        "ecc_uncorrected": whole("ecc_uncorrected"),
        "xid": whole("xid"),
        "job": owner.job.id if owner and owner.job else None,
        "user": owner.job.user if owner and owner.job else None,
        "job_source": owner.source if owner else None,
        "age_seconds": _rounded(None if when is None else scene.now - when),
        "source": table.source_of(gpu.host) if table else None,
    }


ROWS: dict[str, Callable[[Scene, Any], dict[str, Any]]] = {
    "node": _node, "job": _job, "queue": _queue, "alert": _alert, "silence": _silence, "target": _target,
    "check": _check, "gpu": _gpu, "pod": pod_row, "event": event_row, "budget": budget_row,
}  # fmt: skip

COLUMNS: dict[str, tuple[str, ...]] = {
    "node": (
        "cluster", "name", "state", "flags", "planes", "findings", "reason", "reason_by", "reason_age_seconds",
        "gpus_total", "gpus_used", "gpus_allocatable", "conditions", "taints", "jobs", "partitions", "rack",
        "switch", "age_seconds", "source",
    ),
    "job": (
        "cluster", "id", "name", "user", "account", "partition", "qos", "state", "reason", "node_list", "gpus",
        "elapsed_seconds", "time_limit_seconds", "priority", "requeueable", "restarts", "workload", "managed_by",
        "array", "array_tasks",
        "checkpoint_age_seconds", "age_seconds", "source",
    ),
    "queue": (
        "cluster", "name", "state", "is_default", "nodes_total", "gpus_total", "gpus_used", "jobs_running",
        "jobs_pending", "max_time_seconds", "age_seconds", "source",
    ),
    "alert": (
        "cluster", "name", "severity", "state", "since", "node", "gpu", "job", "labels", "silenced_by",
        "silenced_until", "inhibited_by", "receivers", "fingerprint", "age_seconds", "source",
    ),
    "silence": (
        "cluster", "id", "state", "by", "comment", "starts", "ends", "left_seconds", "matchers", "alerts",
        "age_seconds", "source",
    ),
    "target": (
        "cluster", "job", "instance", "node", "error", "silent_seconds", "interval_seconds", "age_seconds", "source",
    ),
    "pod": POD_COLUMNS,
    "event": EVENT_COLUMNS,
    "budget": BUDGET_COLUMNS,
    "check": ("cluster", "name", "state", "detail", "since", "age_seconds", "source"),
    "gpu": (
        "cluster", "host", "index", "util_percent", "memory_used_bytes", "memory_total_bytes", "temperature_celsius",
        "power_watts", "sm_clock_mhz", "throttle_reasons", "ecc_uncorrected", "xid", "job", "user", "job_source",
        "age_seconds", "source",
    ),
}  # fmt: skip
