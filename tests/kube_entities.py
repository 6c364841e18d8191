"""Small pods, budgets, events and workloads for tests; each takes what the test is about."""

from __future__ import annotations

from typing import Any

from crashcart.backends.model import Job, Node
from crashcart.backends.pods import Budget, Event, Pod

KUBE: dict[str, Any] = {"cluster": "a100", "source": "kubernetes", "when": 1000.0}


def kube_node(name: str = "gpu001", **fields: Any) -> Node:
    base: dict[str, Any] = {"state": "IDLE", "gpus_total": 8, "gpus_used": 0, "gpus_allocatable": 8}
    return Node(name=name, **{**KUBE, **base, **fields})


def pod(name: str = "llm-0", **fields: Any) -> Pod:
    base: dict[str, Any] = {
        "namespace": "train", "phase": "RUNNING", "node": "gpu001", "owner": "Job/llm", "job": "train/llm", "gpus": 4,
        "gpus_known_by": "count only", "labels": ("app=llm",), "created": 900.0,
    }  # fmt: skip
    return Pod(name=name, **{**KUBE, **base, **fields})


def workload(id: str = "train/llm", **fields: Any) -> Job:
    namespace, _, name = id.partition("/")
    base: dict[str, Any] = {
        "raw_id": f"uid-{name}", "name": name, "user": "alice", "account": namespace, "partition": f"{namespace}/gpus",
        "state": "RUNNING", "node_list": "gpu001", "node_count": 1, "gpus": 8, "start_time": 900.0, "requeueable": True,
        "restarts": 0, "workload": "Job",
    }  # fmt: skip
    return Job(id=id, **{**KUBE, **base, **fields})


def budget(name: str = "llm", **fields: Any) -> Budget:
    base: dict[str, Any] = {
        "namespace": "train", "selector": "app=llm", "allowed": 0, "healthy": 2, "desired": 2, "expected": 2,
    }  # fmt: skip
    return Budget(name=name, **{**KUBE, **base, **fields})


def event(about: str = "Pod/train/llm-0", **fields: Any) -> Event:
    base: dict[str, Any] = {
        "id": f"train/{about.rpartition('/')[2]}.1", "reason": "BackOff", "message": "restarting failed container",
        "last_seen": 990.0,
    }  # fmt: skip
    return Event(about=about, **{**KUBE, **base, **fields})
