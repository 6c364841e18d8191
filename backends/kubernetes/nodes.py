"""A node of the API as our node: what it has, what is wrong with it, and who took it out of service."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from crashcart.backends.model import Node
from crashcart.backends.text import clean

from .amounts import amount
from .cordoned_by import UPGRADE_DONE, UPGRADE_LABEL, Cordon, cordon
from .shapes import Amounts, Condition, RawNode
from .site import SOURCE, Site, first_label

_GOOD_WHEN_TRUE = frozenset({"EtcdIsVoter"})
_TYPE_LABELS = (
    "nvidia.com/gpu.product", "amd.com/gpu.product-name", "beta.amd.com/gpu.product-name",
    "cloud.google.com/gke-accelerator", "cloud.google.com/gke-tpu-accelerator",
)  # fmt: skip
_MAINTENANCE_LABELS = ("crashcart.io/maintenance", "maintenance.nvidia.com/requested", "node.kubernetes.io/maintenance")
_POOL_LABELS = (
    "karpenter.sh/nodepool", "cloud.google.com/gke-nodepool", "eks.amazonaws.com/nodegroup",
    "kubernetes.azure.com/agentpool",
)  # fmt: skip
_MIG_STATE = "nvidia.com/mig.config.state"
_GPU_COUNT = "nvidia.com/gpu.count"
_PAUSED = "paused-for-driver-upgrade"
_LONGEST_CONDITION = 200


class Use(NamedTuple):
    """What pods take of a node; None where pods may not be listed."""

    gpus: int
    cpus: float
    movable: int  # pods that are neither of a DaemonSet nor of the kubelet


def node_of(raw: RawNode, site: Site, when: float) -> Node | None:
    """This node without what its pods take; None when its name is no identifier."""
    name = site.node(raw.metadata.name)
    if name is None:
        return None
    labels, status = raw.metadata.labels or {}, raw.status
    held = cordon(raw, site) if raw.spec.unschedulable else Cordon()
    total, allocatable = site.gpus.count(status.capacity), site.gpus.count(status.allocatable)
    return Node(
        cluster=site.cluster,
        source=SOURCE,
        when=when,
        name=name,
        own_name=raw.metadata.name if raw.metadata.name != name else None,
        state="UNKNOWN",
        flags=_flags(raw),
        reason=held.reason,
        reason_by=held.by,
        reason_at=held.at,
        partitions=tuple([clean(f"pool/{labels[label]}", limit=80) for label in _POOL_LABELS if label in labels]),
        gpus_total=total if status.capacity is not None else None,
        gpus_allocatable=allocatable if status.allocatable is not None else None,
        gpu_type=_gpu_type(labels, site.gpus.names(status.capacity)),
        cpus_total=_whole(status.capacity, "cpu"),
        memory_total_bytes=_whole(status.capacity, "memory"),
        address=next((clean(at.address, limit=80) for at in status.addresses or () if at.type == "InternalIP"), None),
        rack=first_label(labels, site.options.rack_labels),
        switch=first_label(labels, site.options.switch_labels),
        version=clean(status.node_info.kubelet_version, limit=40) if status.node_info else None,
        conditions=(*_conditions(status.conditions or ()), *_gpu_troubles(labels, total, allocatable)),
        taints=tuple([clean(f"{taint.key}:{taint.effect}", limit=300) for taint in raw.spec.taints or ()]),
    )


def in_use(node: Node, use: Use | None) -> Node:
    """The same node with what its pods take."""
    if use is None:
        return node
    room = node.gpus_total if node.gpus_allocatable is None else node.gpus_allocatable
    return msgspec.structs.replace(
        node, state=_state(use, room), gpus_used=use.gpus, cpus_used=math.ceil(round(use.cpus, 3))
    )


def _state(use: Use, room: int | None) -> str:
    """In the words of Slurm; a node without GPUs is mixed when anything but its own services runs there."""
    if not room and not use.gpus:
        return "MIXED" if use.movable else "IDLE"
    if not use.gpus:
        return "IDLE"
    return "ALLOCATED" if use.gpus >= (room or 0) else "MIXED"


def _flags(raw: RawNode) -> tuple[str, ...]:
    labels = raw.metadata.labels or {}
    found: list[str] = []
    if raw.spec.unschedulable:
        found.append("CORDON")
    if any(labels.get(label, "false") != "false" for label in _MAINTENANCE_LABELS):
        found.append("MAINTENANCE")
    ready = next((condition.status for condition in raw.status.conditions or () if condition.type == "Ready"), None)
    if ready != "True":
        found.append("NOT_READY")
    if labels.get(UPGRADE_LABEL, "") not in UPGRADE_DONE:
        found.append("UPGRADE")
    return tuple(found)


def _conditions(told: Sequence[Condition]) -> list[str]:
    """What is wrong. Types that end in Ready are good when true, all others name a trouble, as is the custom."""
    found: list[str] = []
    for condition in told:
        good = condition.type.endswith("Ready") or condition.type in _GOOD_WHEN_TRUE
        is_bad = condition.status != "True" if good else condition.status == "True"
        if is_bad:
            name = f"{condition.type} {condition.status}" if good else condition.type
            words = " ".join(f"{condition.reason} {condition.message}".split())
            found.append(clean(f"{name}: {words}" if words else name, limit=_LONGEST_CONDITION))
    return found


def _gpu_troubles(labels: dict[str, str], total: int, allocatable: int) -> list[str]:
    """What the labels of the GPU operator and the numbers of the device plugin tell."""
    found: list[str] = []
    counted = labels.get(_GPU_COUNT, "")
    if allocatable < total:
        found.append(f"{total - allocatable} of {total} GPUs unhealthy: not allocatable")
    if counted.isdecimal() and len(counted) < 4 and total < int(counted) and not _is_sliced(labels):
        found.append(f"{total} of {counted} GPUs offered: lost, or the device plugin is down")
    if labels.get(UPGRADE_LABEL, "") not in UPGRADE_DONE:
        found.append(clean(f"driver upgrade: {labels[UPGRADE_LABEL]}", limit=_LONGEST_CONDITION))
    if labels.get(_MIG_STATE, "success") not in ("success", ""):
        found.append(clean(f"MIG configuration: {labels[_MIG_STATE]}", limit=_LONGEST_CONDITION))
    if _PAUSED in labels.values():
        found.append("GPU operands paused for a driver upgrade")
    return found


def _is_sliced(labels: dict[str, str]) -> bool:
    return labels.get("nvidia.com/mig.strategy", "none") not in ("none", "")


def _gpu_type(labels: dict[str, str], resources: Sequence[str]) -> str | None:
    """`NVIDIA-H100-80GB-HBM3`, with what it is cut into: `NVIDIA-A100-SXM4-40GB mig-1g.5gb`."""
    product = first_label(labels, _TYPE_LABELS)
    parts = [
        clean(name.partition("/")[2], limit=40) for name in resources if "/mig-" in name or name.endswith(".shared")
    ]
    words = [word for word in (product, *parts) if word]
    return " ".join(words) or None


def _whole(amounts: Amounts | None, name: str) -> int | None:
    found = amount((amounts or {}).get(name))
    return None if found is None else int(found)
