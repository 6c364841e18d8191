"""Pods with GPUs: of a job, of a DaemonSet, static ones of a node, and bare ones that nobody makes anew."""

from __future__ import annotations

from typing import Any

from tests.fakes.kubeapi.strategies import timestamp

from .meta import managed_fields, metadata
from .nodes import GPU_TAINT, NVIDIA

Object = dict[str, Any]

MIRROR = {"kubernetes.io/config.mirror": "7f3a", "kubernetes.io/config.source": "file"}
IMAGE = "registry.example/train:v1"


def pod(
    name: str,
    namespace: str = "train",
    *,
    node: str = "",
    gpus: int = 8,
    resource: str = NVIDIA,
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
    owner: Object | None = None,
    volumes: list[Object] | None = None,
    grace_seconds: int = 30,
    containers: tuple[str, ...] = ("main",),
    scheduler: str = "",
) -> Object:
    """As it is sent to be created; with `node` it is placed already, with an unknown `scheduler` it never will be. The
    first container gets the GPUs."""
    made = metadata(name, namespace, labels=labels, annotations=annotations, owner=owner)
    spec = pod_spec(gpus, resource=resource, volumes=volumes, grace_seconds=grace_seconds, containers=containers)
    if node:
        spec["nodeName"] = node
    if scheduler:
        spec["schedulerName"] = scheduler
    return {"apiVersion": "v1", "kind": "Pod", "metadata": made, "spec": spec}


def pod_spec(
    gpus: int,
    *,
    resource: str = NVIDIA,
    volumes: list[Object] | None = None,
    grace_seconds: int = 30,
    containers: tuple[str, ...] = ("main",),
    restart: str = "Always",
    node_selector: dict[str, str] | None = None,
) -> Object:
    """Spec of a pod that tolerates the taint of GPU nodes."""
    limits = {resource: str(gpus)} if gpus else {}
    first = {"name": containers[0], "image": IMAGE, "command": ["python", "train.py"], "resources": {"limits": limits}}
    others = [{"name": name, "image": IMAGE, "resources": {}} for name in containers[1:]]
    spec: Object = {
        "containers": [first, *others],
        "restartPolicy": restart,
        "terminationGracePeriodSeconds": grace_seconds,
        "tolerations": [{"key": GPU_TAINT["key"], "operator": "Exists", "effect": "NoSchedule"}],
    }
    if volumes:
        spec["volumes"] = volumes
    if node_selector:
        spec["nodeSelector"] = node_selector
    return spec


def scratch() -> list[Object]:
    """An emptyDir: what is in it is lost with the pod."""
    return [{"name": "scratch", "emptyDir": {}}]


def daemon_set(name: str, namespace: str = "gpu-operator") -> Object:
    template = {"metadata": {"labels": {"app": name}}, "spec": pod_spec(0)}
    spec = {"selector": {"matchLabels": {"app": name}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": metadata(name, namespace), "spec": spec}


def static_pod(name: str, node: str, namespace: str = "kube-system") -> Object:
    """The mirror of a pod that a kubelet runs from a file: deleting it does nothing to the pod."""
    made = pod(f"{name}-{node}", namespace, node=node, gpus=0, annotations=MIRROR)
    owner = {"apiVersion": "v1", "kind": "Node", "name": node, "uid": f"node-{node}", "controller": True}
    made["metadata"]["ownerReferences"] = [owner]
    return made


def bookkept(value: Object) -> Object:
    """The pod with the fields that make a real one as large as it is (4.7 KB)."""
    when = timestamp()
    written = managed_fields("kube-controller-manager", _SPEC_FIELDS, when)
    written += managed_fields("kubelet", _STATUS_FIELDS, when, "status")
    return {**value, "metadata": {**value["metadata"], "managedFields": written}}


_SPEC_FIELDS: Object = {
    "f:metadata": {
        "f:generateName": {},
        "f:labels": {".": {}, "f:job": {}, "f:app": {}, "f:batch.kubernetes.io/job-name": {}},
        "f:ownerReferences": {".": {}, 'k:{"uid":"8e7c6f0a-5d38-4a4a-9b0f-0f5f3f7d1c55"}': {}},
    },
    "f:spec": {
        "f:containers": {
            'k:{"name":"main"}': {
                ".": {}, "f:command": {}, "f:image": {}, "f:imagePullPolicy": {}, "f:name": {},
                "f:resources": {".": {}, "f:limits": {".": {}, "f:nvidia.com/gpu": {}}, "f:requests": {".": {}}},
                "f:terminationMessagePath": {}, "f:terminationMessagePolicy": {},
            }
        },
        "f:dnsPolicy": {}, "f:enableServiceLinks": {}, "f:restartPolicy": {}, "f:schedulerName": {},
        "f:securityContext": {}, "f:terminationGracePeriodSeconds": {}, "f:tolerations": {},
    },
}  # fmt: skip
_STATUS_FIELDS: Object = {
    "f:status": {
        "f:conditions": {
            f'k:{{"type":"{kind}"}}': {
                ".": {}, "f:lastProbeTime": {}, "f:lastTransitionTime": {}, "f:status": {}, "f:type": {}
            }
            for kind in ("ContainersReady", "Initialized", "PodReadyToStartContainers", "Ready")
        },
        "f:containerStatuses": {}, "f:hostIP": {}, "f:phase": {}, "f:podIP": {}, "f:podIPs": {}, "f:startTime": {},
    }
}  # fmt: skip
