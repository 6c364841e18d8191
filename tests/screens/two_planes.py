"""The small cluster with a Kubernetes half: nodes that both planes know, nodes that they disagree about, workloads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from crashcart.backends import wire
from crashcart.backends.model import Job, Node, Queue
from crashcart.backends.pods import Budget, Event, Pod

from .clock import START
from .cluster import CLUSTER, everything, listing, source

ORIGIN = "kubernetes"
_BASE: dict[str, Any] = {"cluster": CLUSTER, "source": ORIGIN, "when": START - 2}

_ODD: dict[int, dict[str, Any]] = {
    5: {"state": "MIXED", "gpus_used": 4},
    11: {"flags": ("CORDON",), "reason": "GpuXidError: XID 79 on GPU 3, recommended: reboot", "reason_by": "nvsentinel",
         "reason_at": START - 640, "conditions": ("GpuXidError: XID 79 on GPU 3: GPU has fallen off the bus",),
         "taints": ("node.kubernetes.io/unschedulable:NoSchedule", "nvidia.com/gpu:NoSchedule")},
    12: {"gpus_allocatable": 7, "conditions": ("1 of 8 GPUs unhealthy: not allocatable",)},
    13: {"state": "MIXED", "gpus_used": 6},
}  # fmt: skip


def kube_node(number: int, **fields: Any) -> Node:
    base = {"state": "IDLE", "gpus_total": 8, "gpus_used": 0, "gpus_allocatable": 8, "gpu_type": "H100",
            "own_name": f"ip-10-0-0-{number}.example", "version": "v1.36.2", "rack": f"r{(number - 1) // 4 + 1:02d}",
            "taints": ("nvidia.com/gpu:NoSchedule",)}  # fmt: skip
    return Node(name=f"gpu{number:03d}", **{**_BASE, **base, **_ODD.get(number, {}), **fields})


NODES: tuple[Node, ...] = tuple(kube_node(number) for number in (3, 4, 5, 11, 12, 13))


def workload(id: str, **fields: Any) -> Job:
    namespace, _, name = id.partition("/")
    base: dict[str, Any] = {
        "raw_id": f"uid-{name}", "name": name.partition(".")[0], "user": "erin", "account": namespace,
        "partition": f"{namespace}/gpus", "state": "RUNNING", "submit_time": START - 9_000, "start_time": START - 8_000,
        "requeueable": True, "restarts": 0, "workload": "Job",
    }  # fmt: skip
    return Job(id=id, **{**_BASE, **base, **fields})


JOBS: tuple[Job, ...] = (
    workload("train/llm-7b", node_list="gpu[005,013]", node_count=2, gpus=8, managed_by="kueue", restarts=3,
             reason="1 of 3 pods wait: 3 Insufficient nvidia.com/gpu, 1 untolerated taint"),
    workload("train/tune.pytorchjob", workload="PyTorchJob", state="PENDING", start_time=None, gpus=16,
             requeueable=None, reason="3 Insufficient nvidia.com/gpu, 1 untolerated taint"),
    workload("dev/notebook.pod", workload="Pod", user="frank", partition="dev", node_list="gpu013", node_count=1,
             gpus=2, requeueable=False, gpu_map=(("gpu013", (6, 7)),)),
    workload("batch/sweep-9", state="SUSPENDED", start_time=None, gpus=8, managed_by="kueue", partition="batch/low",
             reason="held by an administrator"),
)  # fmt: skip


def pod(name: str, **fields: Any) -> Pod:
    namespace, _, short = name.partition("/")
    base: dict[str, Any] = {
        "phase": "RUNNING", "created": START - 8_100, "started": START - 8_000, "gpus_known_by": "count only",
        "restarts": 0, "priority": 100, "containers": ("main",), "labels": ("app=llm-7b", "team=nlp"),
    }  # fmt: skip
    return Pod(namespace=namespace, name=short, **{**_BASE, **base, **fields})


PODS: tuple[Pod, ...] = (
    pod("train/llm-7b-0", node="gpu005", owner="Job/llm-7b", job="train/llm-7b", gpus=4, restarts=3,
        has_local_data=True),
    pod("train/llm-7b-1", node="gpu013", owner="Job/llm-7b", job="train/llm-7b", gpus=4),
    pod("train/llm-7b-2", phase="PENDING", owner="Job/llm-7b", job="train/llm-7b", gpus=4, started=None,
        reason="3 Insufficient nvidia.com/gpu, 1 untolerated taint",
        message="0/6 nodes are available: 1 node(s) had untolerated taint(s), 3 Insufficient nvidia.com/gpu."),
    *(pod(f"train/tune-worker-{rank}", phase="PENDING", owner="PyTorchJob/tune", job="train/tune.pytorchjob", gpus=4,
          started=None, created=START - 1_200, labels=("app=tune",),
          reason="3 Insufficient nvidia.com/gpu, 1 untolerated taint" if rank < 3 else "ImagePullBackOff")
      for rank in range(4)),
    pod("dev/notebook", node="gpu013", job="dev/notebook.pod", gpus=2, gpu_indexes=(6, 7), labels=("app=notebook",),
        gpus_known_by="device annotation"),
    pod("monitoring/dcgm-exporter-x7", node="gpu013", owner="DaemonSet/dcgm-exporter", gpus=0, gpus_known_by=None,
        is_daemon=True, labels=("app=dcgm-exporter",)),
)  # fmt: skip

BUDGETS: tuple[Budget, ...] = (
    Budget(namespace="train", name="llm-7b", selector="app=llm-7b", allowed=0, healthy=2, desired=2, expected=3,
           **_BASE),
    Budget(namespace="dev", name="notebooks", selector="app in (notebook,lab)", allowed=1, healthy=1, desired=0,
           expected=1, **_BASE),
)  # fmt: skip

EVENTS: tuple[Event, ...] = (
    Event(id="default/gpu011.1", about="Node/gpu011", reason="GpuXidError", message="XID 79 on GPU 3, cordoned",
          last_seen=START - 640, **_BASE),
    Event(id="train/llm-7b-0.1", about="Pod/train/llm-7b-0", reason="BackOff", count=14, last_seen=START - 75,
          message="Back-off restarting failed container main in pod llm-7b-0", **_BASE),
    Event(id="train/llm-7b-2.1", about="Pod/train/llm-7b-2", reason="FailedScheduling", last_seen=START - 30,
          message="0/6 nodes are available: 3 Insufficient nvidia.com/gpu.", **_BASE),
    Event(id="train/tune.1", about="PyTorchJob/train/tune", reason="Unschedulable", last_seen=START - 300,
          message="4 of 4 workers wait", **_BASE),
)  # fmt: skip

QUEUES: tuple[Queue, ...] = (
    Queue(name="clusterqueue/h100", state="UP", gpus_total=32, **_BASE),
    Queue(name="train/gpus", state="UP", **_BASE),
    Queue(name="batch/low", state="DRAIN", **_BASE),
)


def kubernetes(version: int = 1) -> Iterator[wire.Message]:
    """All that Kubernetes says."""
    yield source(ORIGIN, age=2.0)
    yield from listing("node", *NODES, origin=ORIGIN, version=version)
    yield from listing("job", *JOBS, origin=ORIGIN, version=version)
    yield from listing("pod", *PODS, origin=ORIGIN, version=version)
    yield from listing("budget", *BUDGETS, origin=ORIGIN, version=version)
    yield from listing("event", *EVENTS, origin=ORIGIN, version=version)
    yield from listing("queue", *QUEUES, origin=ORIGIN, version=version)


def two_planes() -> list[wire.Message]:
    """The small cluster with its Kubernetes half."""
    return [*everything(), *kubernetes()]
