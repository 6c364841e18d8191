"""Small real entities for tests; each takes what the test is about and fills in the rest."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import Any

from crashcart.backends.entity import Kind
from crashcart.backends.model import Alert, AnyEntity, Batch, Job, Node, Queue


def node(name: str = "gpu001", **fields: Any) -> Node:
    base: dict[str, Any] = {
        "cluster": "a100", "source": "slurm", "when": 1000.0, "state": "IDLE", "partitions": ("train",),
        "gpus_total": 8, "gpus_used": 0,
    }  # fmt: skip
    return Node(name=name, **{**base, **fields})


def job(id: str = "42", **fields: Any) -> Job:
    base: dict[str, Any] = {
        "cluster": "a100", "source": "slurm", "when": 1000.0, "raw_id": id, "name": "train", "user": "alice",
        "partition": "train", "state": "RUNNING", "node_list": "gpu001", "node_count": 1, "gpus": 8,
        "gpu_map": (("gpu001", tuple(range(8))),), "start_time": 900.0, "requeueable": True, "restarts": 0,
    }  # fmt: skip
    return Job(id=id, **{**base, **fields})


def queue(name: str = "train", **fields: Any) -> Queue:
    base: dict[str, Any] = {"cluster": "a100", "source": "slurm", "when": 1000.0, "state": "UP"}
    return Queue(name=name, **{**base, **fields})


def alert(fingerprint: str = "f1", **fields: Any) -> Alert:
    base: dict[str, Any] = {
        "cluster": "a100", "source": "alertmanager", "when": 1000.0, "name": "GpuXid", "severity": "critical",
        "state": "firing", "since": 990.0, "labels": (("Hostname", "gpu001.example.org"), ("gpu", "3")),
    }  # fmt: skip
    return Alert(fingerprint=fingerprint, **{**base, **fields})


def listing(kind: Kind, *entities: AnyEntity, when: float = 1000.0, source: str = "slurm") -> Batch:
    return Batch(source, "a100", kind, when, tuple(entities), complete=True)


def float_column(values: Iterator[float] | list[float]) -> memoryview:
    """Pack values as the wire wants them: float32, native little-endian."""
    return memoryview(array("f", values)).cast("B")
