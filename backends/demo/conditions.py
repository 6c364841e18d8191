"""What is wrong with the simulated cluster, as the alert rules of its Prometheus would find it."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from .simulation import Simulation
from .state import GpuFault, SimJob, SimNode

HANG_FOR_SECONDS = 60.0
NODE_DOWN_FOR_SECONDS = 30.0
TARGET_DOWN_FOR_SECONDS = 120.0
MISSING_FOR_SECONDS = 300.0
XID_MEANING = {
    48: "double-bit ECC error",
    79: "GPU has fallen off the bus",
    119: "GSP RPC timeout, the GPU does not answer its driver",
}


class Condition(msgspec.Struct, frozen=True):
    """Something that is wrong since `since`; it is pending until `fires_at`."""

    name: str
    severity: str
    since: float
    labels: dict[str, str]
    summary: str
    description: str
    fires_at: float = 0.0

    @property
    def fired_at(self) -> float:
        """When it began to fire."""
        return max(self.since, self.fires_at)


def conditions(sim: Simulation, *, is_incident: bool) -> Iterator[Condition]:
    """All that is wrong now."""
    for node in sim.troubled_nodes():
        yield from _node_conditions(node)
    for job in sim.jobs.values():
        if job.hung_since is not None:
            yield _hang(job)
    yield _watchdog(sim)
    if is_incident:
        yield _full_storage(sim)


def _node_conditions(node: SimNode) -> Iterator[Condition]:
    if node.is_rebooting:
        return
    if node.is_down or not node.responds:
        yield from _down(node)
        return
    for gpu, fault in node.faults.items():
        yield from _gpu_conditions(node, gpu, fault)
    if node.hot_since is not None:
        text = f"GPUs of {node.name} above 85 C, clocks slowed by hardware"
        why = f"All nodes of rack {node.rack} are affected: look at cooling first, not at the nodes."
        yield Condition("GpuThermalSlowdown", "warning", node.hot_since, labels_of(node), text, why)
    if node.exporter_down_at is not None:
        yield _exporter_down(node, "DcgmExporterDown", "GPU exporter", node.exporter_down_at)


def _down(node: SimNode) -> Iterator[Condition]:
    """A silent machine, and what its silence makes fire as well: Alertmanager inhibits the latter."""
    since = node.reason_at or node.boot_time
    text = f"{node.name} does not respond to the scheduler"
    why = "slurmd answers no ping; the node's BMC is reachable."
    yield Condition("SlurmNodeDown", "warning", since, labels_of(node), text, why, since + NODE_DOWN_FOR_SECONDS)
    if node.dark_since is not None:
        yield _exporter_down(node, "DcgmExporterDown", "GPU exporter", node.dark_since)
        yield _exporter_down(node, "NodeExporterDown", "Node exporter", node.dark_since)


def _exporter_down(node: SimNode, name: str, what: str, since: float) -> Condition:
    text = f"{what} of {node.name} is down"
    why = "Its samples are the last ones it gave; the scheduler still places work on it."
    return Condition(name, "warning", since, labels_of(node), text, why, since + TARGET_DOWN_FOR_SECONDS)


def _gpu_conditions(node: SimNode, gpu: int, fault: GpuFault) -> Iterator[Condition]:
    labels = labels_of(node) | {"gpu": str(gpu)}
    owner = node.owners[gpu]
    if owner is not None:
        labels["job"] = owner.id
    if fault.xid:
        text = f"Xid {fault.xid} on {node.name} GPU {gpu}: {XID_MEANING[fault.xid]}"
        why = "Drain the node, move its work, reboot it."
        yield Condition("GpuXidCritical", "critical", fault.at, labels | {"xid": str(fault.xid)}, text, why)
    if fault.has_vanished:
        text = f"{node.name} reports {len(node.owners) - 1} of {len(node.owners)} GPUs: GPU {gpu} is missing"
        why = "The exporter answers and lists the others; the driver has lost this one."
        yield Condition("GpuMissing", "warning", fault.at, labels, text, why, fault.at + MISSING_FOR_SECONDS)
    if fault.ecc_uncorrected:
        text = f"Row remap pending on {node.name} GPU {gpu}"
        why = f"{fault.ecc_uncorrected} uncorrectable errors; a reset of the GPU activates the spare row."
        yield Condition("GpuRowRemapPending", "warning", fault.at, labels, text, why)
    if fault.sm_clock_mhz is not None and owner is not None:
        text = f"{node.name} GPU {gpu} is a straggler: {fault.sm_clock_mhz:.0f} MHz, the other GPUs of the job 1755 MHz"
        why = "Every step of the job waits for this GPU."
        yield Condition("GpuStraggler", "warning", fault.at, labels, text, why)


def _hang(job: SimJob) -> Condition:
    since = job.hung_since or 0.0
    labels = {"job": job.id, "user": job.recipe.user, "partition": job.partition}
    text = f"Job {job.id} ({job.recipe.name}) makes no progress"
    why = "Its GPUs are 100 % busy at idle-like power: a collective (NCCL) waits for a rank that does not come."
    return Condition("NcclHangSuspected", "critical", since, labels, text, why, since + HANG_FOR_SECONDS)


def _watchdog(sim: Simulation) -> Condition:
    return Condition(
        "Watchdog",
        "none",
        sim.timeline.start - 40 * 86_400.0,
        {"target": "alertmanager"},
        "Always firing: alerts reach you",
        "When this alert is missing, the alert pipeline is broken.",
    )


def _full_storage(sim: Simulation) -> Condition:
    return Condition(
        "LustreOstAlmostFull",
        "warning",
        sim.timeline.start - 31 * 3600.0,
        {"target": "lustre-OST0011"},
        "lustre-OST0011 is 91 % full",
        "Migration to OST0024 is running.",
    )


def labels_of(node: SimNode) -> dict[str, str]:
    """The labels by which rules and silences know a node."""
    return {"node": node.name, "rack": node.rack, "switch": node.switch, "partition": ",".join(node.partitions)}
