"""A small cluster with one of every trouble, as the messages a collector would send."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from crashcart.backends import wire
from crashcart.backends.model import Alert, Batch, GpuColumn, GpuRows, Job, Node, Queue
from tests.entities import float_column

from .clock import START

CLUSTER = "a100"
NODES = 12
GPUS = 8

_ODD: dict[int, dict[str, Any]] = {
    3: {"state": "MIXED", "gpus_used": 4, "gpus_used_indexes": (0, 1, 2, 3)},
    5: {"state": "IDLE", "flags": ("DRAIN",), "gpus_used": 0, "gpus_used_indexes": (), "reason": "NHC: check_hw_ib",
        "reason_by": "root", "reason_at": START - 11_000},
    6: {"state": "ALLOCATED", "flags": ("DRAIN",), "reason": "RMA HW-2291", "reason_by": "rkapoor",
        "reason_at": START - 74_000},
    8: {"state": "DOWN", "flags": ("NOT_RESPONDING",), "gpus_used": 0, "gpus_used_indexes": (),
        "reason": "Not responding", "reason_by": "slurm", "reason_at": START - 1_300},
    11: {"state": "IDLE", "gpus_used": 0, "gpus_used_indexes": ()},
    12: {"state": "IDLE", "gpus_used": 0, "gpus_used_indexes": ()},
}  # fmt: skip


def node(number: int, **fields: Any) -> Node:
    base: dict[str, Any] = {
        "cluster": CLUSTER, "source": "slurm", "when": START - 2, "state": "ALLOCATED", "partitions": ("train",),
        "gpus_total": GPUS, "gpus_used": GPUS, "gpus_used_indexes": tuple(range(GPUS)), "gpu_type": "h100",
        "cpus_total": 192, "cpus_used": 96, "memory_total_bytes": 2 << 40, "memory_free_bytes": 1 << 40, "load": 60.2,
        "rack": f"r{(number - 1) // 4 + 1:02d}", "switch": "leaf-01", "boot_time": START - 86_400 * 28,
    }  # fmt: skip
    return Node(name=f"gpu{number:03d}", **{**base, **_ODD.get(number, {}), **fields})


def job(number: int, **fields: Any) -> Job:
    base: dict[str, Any] = {
        "cluster": CLUSTER, "source": "slurm", "when": START - 2, "raw_id": str(number), "name": "llama-70b",
        "user": "alice", "account": "nlp", "partition": "train", "qos": "normal", "state": "RUNNING",
        "submit_time": START - 90_000, "start_time": START - 80_000, "time_limit_seconds": 172_800.0,
        "requeueable": True, "restarts": 0, "priority": 1000,
    }  # fmt: skip
    return Job(id=str(number), **{**base, **fields})


def _map(*nodes: int, gpus: int = GPUS) -> tuple[tuple[str, tuple[int, ...]], ...]:
    return tuple((f"gpu{number:03d}", tuple(range(gpus))) for number in nodes)


JOBS: tuple[Job, ...] = (
    job(4711, node_list="gpu[001-002]", node_count=2, gpus=16, gpu_map=_map(1, 2), checkpoint_time=START - 1_020),
    job(4712, name="vit-giant", user="bob", node_list="gpu003", node_count=1, gpus=4, gpu_map=_map(3, gpus=4),
        start_time=START - 600, requeueable=False),
    job(4713, name="moe-8x22b", user="carol", node_list="gpu[004,006-007]", node_count=3, gpus=24,
        gpu_map=_map(4, 6, 7), checkpoint_time=START - 9_000, restarts=2),
    job(4714, name="rerank", user="dora", node_list="gpu[009-010]", node_count=2, gpus=16, gpu_map=_map(9, 10)),
    job(4720, name="eval", user="bob", state="PENDING", reason="Resources", start_time=None, node_count=1, gpus=8),
    job(4721, name="sweep", user="erin", state="PENDING", reason="JobHeldUser", start_time=None, node_count=4, gpus=32),
)  # fmt: skip

ALERTS: tuple[Alert, ...] = (
    Alert(cluster=CLUSTER, source="alertmanager", when=START - 2, fingerprint="f1", name="GpuXidCritical",
          severity="critical", state="firing", since=START - 120, labels=(("Hostname", "gpu007"), ("gpu", "4")),
          annotations=(("summary", "Xid 79 on gpu007 GPU 4: GPU has fallen off the bus"),)),
    Alert(cluster=CLUSTER, source="alertmanager", when=START - 2, fingerprint="f2", name="SlurmNodeDown",
          severity="warning", state="firing", since=START - 1_300, labels=(("node", "gpu008"),),
          annotations=(("summary", "gpu008 does not respond"),)),
    Alert(cluster=CLUSTER, source="alertmanager", when=START - 2, fingerprint="f3", name="OstAlmostFull",
          severity="warning", state="silenced", since=START - 90_000, silenced_by=("s1",)),
)  # fmt: skip

QUEUES: tuple[Queue, ...] = (
    Queue(cluster=CLUSTER, source="slurm", when=START - 2, name="train", state="UP", is_default=True,
          node_list="gpu[001-012]", nodes_total=12, gpus_total=96, max_time_seconds=172_800.0, priority=1),
    Queue(cluster=CLUSTER, source="slurm", when=START - 2, name="dev", state="DOWN", nodes_total=0),
)  # fmt: skip


def source(name: str = "slurm", state: str = "live", age: float = 2.0, detail: str = "") -> wire.Source:
    last = None if age < 0 else START - age
    return wire.Source(CLUSTER, name, state, 5.0, last, 0, detail)  # type: ignore[arg-type]


def listing(kind: str, *entities: Any, origin: str = "slurm", version: int = 1) -> Iterator[wire.Message]:
    batch = Batch(origin, CLUSTER, kind, START - 2, tuple(entities), (), True)  # type: ignore[arg-type]
    return wire.slices(batch, version)


def columns(*, when: float = START - 3) -> Iterator[wire.Message]:
    """Numbers of all GPUs; gpu008 has none, and one GPU of gpu007 fell off the bus."""
    hosts = tuple(f"gpu{number:03d}" for number in range(1, NODES + 1))
    yield GpuRows("dcgm", CLUSTER, 1, hosts, (GPUS,) * NODES)
    rows = [(number, gpu) for number in range(1, NODES + 1) for gpu in range(GPUS)]
    total = float(80 << 30)
    made = {
        "util_percent": [math.nan if n == 8 else (n * 9 + gpu * 5) % 101 for n, gpu in rows],
        "memory_used_bytes": [math.nan if n == 8 else total * ((n + gpu) % 8) / 8 for n, gpu in rows],
        "memory_total_bytes": [math.nan if n == 8 else total for n, gpu in rows],
        "temperature_celsius": [math.nan if n == 8 else 35 + (n * 3 + gpu * 4) % 55 for n, gpu in rows],
        "power_watts": [math.nan if n == 8 else 100 + (n * 40 + gpu) % 560 for n, gpu in rows],
        "xid": [math.nan if n == 8 else 79.0 if (n, gpu) == (7, 4) else 0.0 for n, gpu in rows],
        "throttle_reasons": [math.nan if n == 8 else 8.0 if n == 2 else 0.0 for n, gpu in rows],
        "age_seconds": [120.0 if n == 10 else 0.0 for n, gpu in rows],
    }
    for metric, values in made.items():
        yield GpuColumn("dcgm", CLUSTER, 1, metric, when, memoryview(float_column([float(v) for v in values])))


def everything() -> list[wire.Message]:
    """The whole cluster, as after the first polls."""
    return [
        source("slurm"), source("dcgm", age=3.0), source("alertmanager", age=4.0),
        *listing("node", *(node(number) for number in range(1, NODES + 1))),
        *listing("job", *JOBS),
        *listing("queue", *QUEUES),
        *listing("alert", *ALERTS, origin="alertmanager"),
        *columns(),
    ]  # fmt: skip
