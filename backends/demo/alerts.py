"""The alerts that a monitoring of the simulated cluster would fire, derived from what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from crashcart.backends.model import Alert

from .entities import SOURCE
from .simulation import Simulation
from .state import GpuFault, SimJob, SimNode

RUNBOOKS = "https://runbooks.example.com"
HANG_FOR_SECONDS = 60.0
NODE_DOWN_FOR_SECONDS = 30.0
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
    silenced_by: tuple[str, ...] = ()


class AlertBook:
    """Keeps the listed alerts in step with the simulation."""

    def __init__(self, sim: Simulation, *, is_incident: bool) -> None:
        self.sim = sim
        self.is_incident = is_incident
        self.alerts: dict[str, Alert] = {}

    def refresh(self) -> None:
        """Raise, change and resolve alerts; the journal learns what changed."""
        now = self.sim.now
        found: dict[str, Alert] = {}
        for condition in conditions(self.sim, is_incident=self.is_incident):
            alert = _alert(condition, now)
            found[alert.fingerprint] = alert
        for fingerprint in self.alerts.keys() - found.keys():
            self.sim.journal.drop("alert", fingerprint)
        for fingerprint, alert in found.items():
            old = self.alerts.get(fingerprint)
            if old is None or msgspec.structs.replace(alert, when=old.when) != old:
                self.sim.journal.touch("alert", fingerprint)
            else:
                found[fingerprint] = old
        self.alerts = found


def _alert(condition: Condition, now: float) -> Alert:
    state = "silenced" if condition.silenced_by else "pending" if now < condition.fires_at else "firing"
    labels = {"alertname": condition.name, "severity": condition.severity, **condition.labels}
    identity = [condition.name, *(condition.labels.get(key, "") for key in ("node", "gpu", "xid", "job", "target"))]
    return Alert(
        cluster="",
        source=SOURCE,
        when=now,
        fingerprint=f"{_hash('/'.join(identity)):016x}",
        name=condition.name,
        severity=condition.severity,
        state=state,
        since=condition.since,
        labels=tuple(sorted(labels.items())),
        annotations=(
            ("description", condition.description),
            ("runbook_url", f"{RUNBOOKS}/{condition.name}"),
            ("summary", condition.summary),
        ),
        silenced_by=condition.silenced_by,
    )


def _hash(text: str) -> int:
    """FNV-1a, 64 bits: the same on every run, as a fingerprint must be."""
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


def conditions(sim: Simulation, *, is_incident: bool) -> Iterator[Condition]:
    """All that is wrong now."""
    for node in sim.nodes:
        if node.faults or node.is_down or node.hot_since is not None or node.exporter_down_at is not None:
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
        since = node.reason_at or node.boot_time
        text = f"{node.name} does not respond to the scheduler"
        why = "slurmd answers no ping; the node's BMC is reachable."
        yield Condition("SlurmNodeDown", "warning", since, _labels(node), text, why, since + NODE_DOWN_FOR_SECONDS)
        return
    for gpu, fault in node.faults.items():
        yield from _gpu_conditions(node, gpu, fault)
    if node.hot_since is not None:
        text = f"GPUs of {node.name} above 85 C, clocks slowed by hardware"
        why = f"All nodes of rack {node.rack} are affected: look at cooling first, not at the nodes."
        yield Condition("GpuThermalSlowdown", "warning", node.hot_since, _labels(node), text, why)
    if node.exporter_down_at is not None:
        text = f"GPU exporter of {node.name} is down"
        why = "Its samples are the last ones it gave; the scheduler still places work on it."
        yield Condition("DcgmExporterDown", "warning", node.exporter_down_at, _labels(node), text, why)


def _gpu_conditions(node: SimNode, gpu: int, fault: GpuFault) -> Iterator[Condition]:
    labels = _labels(node) | {"gpu": str(gpu)}
    owner = node.owners[gpu]
    if owner is not None:
        labels["job"] = owner.id
    if fault.xid:
        text = f"Xid {fault.xid} on {node.name} GPU {gpu}: {XID_MEANING[fault.xid]}"
        why = "Drain the node, move its work, reboot it."
        yield Condition("GpuXidCritical", "critical", fault.at, labels | {"xid": str(fault.xid)}, text, why)
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
        silenced_by=("8d0e4c1a",),
    )


def _labels(node: SimNode) -> dict[str, str]:
    return {"node": node.name, "rack": node.rack, "switch": node.switch, "partition": ",".join(node.partitions)}
