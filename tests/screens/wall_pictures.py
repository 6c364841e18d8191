"""Pictures for walls: a cluster where all is well, and each way in which a picture dies."""

from __future__ import annotations

from collections.abc import Iterator

from crashcart.backends import wire
from crashcart.backends.model import Alert, GpuColumn, GpuRows
from tests.entities import float_column

from .clock import START
from .cluster import CLUSTER, GPUS, JOBS, NODES, QUEUES, listing, node, source
from .monitoring import CHECKS, RULES, SILENT, alert

WATCHDOG = alert("w1", "Watchdog", "firing", severity="none", since=START - 800_000, labels=(("severity", "none"),))
WELL = {
    "state": "ALLOCATED", "flags": (), "gpus_used": GPUS, "gpus_used_indexes": tuple(range(GPUS)),
    "reason": None, "reason_by": None, "reason_at": None,
}  # fmt: skip


def telemetry(ages: dict[int, float] | None = None) -> Iterator[wire.Message]:
    """All GPUs busy and well; `ages` gives nodes by number an old sample."""
    rows = [(number, gpu) for number in range(1, NODES + 1) for gpu in range(GPUS)]
    hosts = tuple(f"gpu{number:03d}" for number in range(1, NODES + 1))
    yield GpuRows("dcgm", CLUSTER, 1, hosts, (GPUS,) * NODES)
    columns = {
        "util_percent": [97.0] * len(rows),
        "xid": [0.0] * len(rows),
        "age_seconds": [(ages or {}).get(number, 2.0) for number, _ in rows],
    }
    for metric, values in columns.items():
        yield GpuColumn("dcgm", CLUSTER, 1, metric, START - 3, memoryview(float_column(values)))


def sources(now: float = 0.0) -> list[wire.Message]:
    """All four live, as heard `now` seconds after the start."""
    return [
        wire.Source(CLUSTER, name, "live", 5.0, START + now - age, 0, "")
        for name, age in (("slurm", 2.0), ("dcgm", 3.0), ("prometheus", 3.0), ("alertmanager", 4.0))
    ]


def healthy(*alerts: Alert) -> list[wire.Message]:
    """Nothing is wrong but what these alerts say."""
    return [
        *sources(),
        *listing("node", *(node(number, **WELL) for number in range(1, NODES + 1))),
        *listing("job", *JOBS),
        *listing("queue", QUEUES[0]),
        *listing("alert", WATCHDOG, *alerts, origin="alertmanager"),
        *listing("alert", origin="prometheus"),
        *listing("check", *CHECKS, origin="alertmanager"),
        *listing("check", *RULES, origin="prometheus"),
        *telemetry(),
    ]


def critical(fingerprint: str = "c1", state: str = "firing", host: str = "gpu007", since: float = 60.0) -> Alert:
    return alert(
        fingerprint, "GpuXidCritical", state, severity="critical", since=START - since, labels=(("Hostname", host),),
        annotations=(("summary", f"Xid 79 on {host}: GPU has fallen off the bus"),),
    )  # fmt: skip


def alerts(*listed: Alert, version: int = 2) -> list[wire.Message]:
    """What Alertmanager lists now."""
    return list(listing("alert", WATCHDOG, *listed, origin="alertmanager", version=version))


PIPELINE_DEAD = tuple(listing("check", *SILENT, origin="alertmanager", version=2))
SLURM_GONE = (source("slurm", "down", 2.0, "connection refused: slurmctld login1:6817"),)
