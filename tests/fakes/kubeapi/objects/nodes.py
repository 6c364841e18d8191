"""GPU nodes as they register themselves: labels of the gpu-operator, capacity and allocatable, conditions."""

from __future__ import annotations

from typing import Any

from tests.fakes.kubeapi.strategies import timestamp

from .meta import managed_fields, metadata

Object = dict[str, Any]

NVIDIA = "nvidia.com/gpu"
GPU_TAINT = {"key": NVIDIA, "effect": "NoSchedule"}


def node(
    name: str,
    *,
    gpus: int = 8,
    healthy: int | None = None,
    resource: str = NVIDIA,
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
    taints: list[Object] | None = None,
    cordoned: bool = False,
    conditions: list[Object] | None = None,
    more: dict[str, int] | None = None,
) -> Object:
    """A node that is Ready. `healthy` is what the device plugin still offers of `gpus`; `more` are further resources
    (`nvidia.com/mig-1g.10gb`, `rdma/hca`); `conditions` replace those of the same type."""
    counted = {resource: gpus, **(more or {})} if gpus else dict(more or {})
    offered = counted | ({resource: healthy} if healthy is not None else {})
    shown = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
             "node.kubernetes.io/instance-type": "gpu.8xlarge"}  # fmt: skip
    if resource == NVIDIA and gpus:
        shown |= {"nvidia.com/gpu.present": "true", "nvidia.com/gpu.count": str(gpus),
                  "nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3", "nvidia.com/gpu.memory": "81559",
                  "nvidia.com/gpu-driver-upgrade-state": "upgrade-done", "nvidia.com/mig.config.state": "success",
                  "nvidia.com/gpu.deploy.device-plugin": "true"}  # fmt: skip
    spec: Object = {"podCIDR": "10.64.0.0/24", "providerID": f"fake://{name}"}
    if taints:
        spec["taints"] = taints
    if cordoned:
        spec["unschedulable"] = True
    made = metadata(name, labels=shown | (labels or {}), annotations=annotations)
    made["managedFields"] = managed_fields("kubelet", _FIELDS, timestamp(), "status")
    return {"apiVersion": "v1", "kind": "Node", "metadata": made, "spec": spec,
            "status": _status(name, counted, offered, conditions or [])}  # fmt: skip


def condition(kind: str, is_true: bool | None, reason: str, message: str) -> Object:
    """One condition; None is Unknown."""
    now = timestamp()
    shown = "Unknown" if is_true is None else str(is_true)
    return {"type": kind, "status": shown, "lastHeartbeatTime": now, "lastTransitionTime": now, "reason": reason,
            "message": message}  # fmt: skip


def not_ready() -> Object:
    """What the node controller writes for a node that no longer reports."""
    return condition("Ready", None, "NodeStatusUnknown", "Kubelet stopped posting node status.")


def _status(name: str, counted: dict[str, int], offered: dict[str, int], conditions: list[Object]) -> Object:
    base = {"cpu": "192", "memory": "2113394216Ki", "ephemeral-storage": "1843269236Ki", "hugepages-1Gi": "0",
            "hugepages-2Mi": "0", "pods": "110"}  # fmt: skip
    named = {one["type"] for one in conditions}
    usual = [
        condition("MemoryPressure", False, "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        condition("DiskPressure", False, "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        condition("PIDPressure", False, "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        condition("Ready", True, "KubeletReady", "kubelet is posting ready status"),
    ]
    return {
        "capacity": base | {key: str(amount) for key, amount in counted.items()},
        "allocatable": base | {key: str(amount) for key, amount in offered.items()},
        "conditions": [one for one in usual if one["type"] not in named] + conditions,
        "addresses": [{"type": "InternalIP", "address": "192.0.2.10"}, {"type": "Hostname", "address": name}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
        "nodeInfo": _NODE_INFO,
        "images": _IMAGES,
    }


_NODE_INFO = {
    "machineID": "0b1f6a2c4d3e48d8a1f6c9e2b7a5d4c3", "systemUUID": "4c4c4544-0042-3510-8052-b4c04f4d3433",
    "bootID": "a7a4b1de-6a0e-4c1c-9d4e-0d4a7b8f1c2e",
    "kernelVersion": "6.8.0-60-generic", "osImage": "Ubuntu 24.04.2 LTS",
    "containerRuntimeVersion": "containerd://2.1.3", "kubeletVersion": "v1.36.2", "kubeProxyVersion": "",
    "operatingSystem": "linux", "architecture": "amd64",
}  # fmt: skip
_IMAGES = [
    {
        "names": [f"registry.example/{name}@sha256:{'cd' * 32}", f"registry.example/{name}:v1"],
        "sizeBytes": 8_000_000_000,
    }
    for name in ("train", "dcgm-exporter", "nvidia-device-plugin", "node-problem-detector")
]
_FIELDS = {
    "f:status": {
        "f:allocatable": {"f:cpu": {}, "f:memory": {}, "f:nvidia.com/gpu": {}},
        "f:capacity": {"f:cpu": {}, "f:memory": {}, "f:nvidia.com/gpu": {}},
        "f:conditions": {
            f'k:{{"type":"{kind}"}}': {"f:lastHeartbeatTime": {}, "f:message": {}, "f:reason": {}, "f:status": {}}
            for kind in ("DiskPressure", "MemoryPressure", "PIDPressure", "Ready")
        },
        "f:images": {},
        "f:nodeInfo": {"f:bootID": {}},
    }
}
