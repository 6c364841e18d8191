"""One fault seen across planes: which jobs a node runs, whose a GPU is, how full a queue is, what an alert is about.

Everything here is derived from the store and remembered until the revision of what it came from moves.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from crashcart.backends.model import Alert, Job, Node, Queue

from .identity import NodeNames
from .store import Store
from .targets import expand

T = TypeVar("T")

ALERT_NODE_LABELS = ("node", "Hostname", "hostname", "instance", "exported_instance", "host")
"""Labels that name a node, by dcgm-exporter, node_exporter and kube-state-metrics, most specific first."""

GPU_LABELS = ("gpu", "device")


@dataclass(frozen=True, slots=True)
class GpuOwner:
    """The job a GPU belongs to, and how that is known."""

    job: Job
    source: str  # "scheduler": GPU index of the allocation; "whole node": the only job there has all its GPUs


@dataclass(slots=True)
class QueueCounts:
    """Work and room of one queue; None is not known."""

    running: int = 0
    pending: int = 0
    nodes: Counter[str] = field(default_factory=Counter)  # by Node.word
    gpus_total: int | None = None
    gpus_used: int | None = None
    reasons: Counter[str] = field(default_factory=Counter)  # of pending jobs


class Joins:
    """Derived pictures over one store."""

    def __init__(self, store: Store, names: dict[str, NodeNames] | None = None) -> None:
        self._store = store
        self._names = names or {}
        self._memory: dict[str, tuple[tuple[int, ...], object]] = {}

    def _remember(self, what: str, kinds: tuple[str, ...], make: Callable[[], T]) -> T:
        revisions = tuple(self._store.revision[kind] for kind in kinds)
        held = self._memory.get(what)
        if held is None or held[0] != revisions:
            held = (revisions, make())
            self._memory[what] = held
        return held[1]  # type: ignore[return-value]

    # jobs and nodes

    def jobs_on_node(self, key: str) -> list[Job]:
        """Running jobs on the node `cluster/name`, largest first."""
        return self._remember("jobs by node", ("job",), self._jobs_by_node).get(key, [])

    def nodes_of_job(self, job: Job) -> list[Node]:
        """The nodes a running job has that the store knows."""
        nodes = self._store.nodes
        keys = (f"{job.cluster}/{name}" for name in _names(job.node_list))
        return [nodes[key] for key in keys if key in nodes]

    def _jobs_by_node(self) -> dict[str, list[Job]]:
        found: dict[str, list[Job]] = defaultdict(list)
        for job in self._store.jobs.values():
            if job.is_running:
                for name in _names(job.node_list):
                    found[f"{job.cluster}/{name}"].append(job)
        for jobs in found.values():
            jobs.sort(key=lambda job: -(job.gpus or 0))
        return found

    # GPUs

    def owner_of_gpu(self, cluster: str, host: str, gpu: int) -> GpuOwner | None:
        """The job that owns GPU `gpu` of `host`, where any plane says so."""
        return self.owners_on_node(f"{cluster}/{self.node_name(cluster, host)}").get(gpu)

    def job_on_gpu(self, cluster: str, host: str, gpu: int) -> Job | None:
        """Like `owner_of_gpu`, the job alone."""
        owner = self.owner_of_gpu(cluster, host, gpu)
        return owner.job if owner else None

    def owners_on_node(self, key: str) -> Mapping[int, GpuOwner]:
        """Owners of the GPUs of the node `cluster/name` by GPU index; worked out for nodes that are asked for."""
        owners: dict[str, dict[int, GpuOwner]] = self._remember("owners", ("job", "node"), dict)
        held = owners.get(key)
        if held is None:
            held = owners[key] = self._owners_on(key)
        return held

    def _owners_on(self, key: str) -> dict[int, GpuOwner]:
        name = key.partition("/")[2]
        jobs = self.jobs_on_node(key)
        found: dict[int, GpuOwner] = {}
        for job in jobs:
            if job.gpu_map is not None:
                found.update(dict.fromkeys(self._indexes(job).get(name, ()), GpuOwner(job, "scheduler")))
        node = self._store.nodes.get(key)
        if not found and len(jobs) == 1 and node is not None and node.gpus_total and node.gpus_used == node.gpus_total:
            return dict.fromkeys(range(node.gpus_total), GpuOwner(jobs[0], "whole node"))
        return found

    def _indexes(self, job: Job) -> dict[str, tuple[int, ...]]:
        """The job's GPU map by node; a job on a thousand nodes is asked a thousand times."""
        maps: dict[str, dict[str, tuple[int, ...]]] = self._remember("GPU maps", ("job",), dict)
        held = maps.get(job.key)
        if held is None:
            held = maps[job.key] = dict(job.gpu_map or ())
        return held

    def node_name(self, cluster: str, raw: str) -> str:
        """The node name behind a name that another plane uses."""
        names = self._names.get(cluster)
        if names is None:
            names = self._names[cluster] = NodeNames()
        known = self._remember("node names", ("node",), self._node_names)
        names.learn(known.get(cluster, frozenset()))
        return names.canonical(raw)

    def _node_names(self) -> dict[str, frozenset[str]]:
        found: dict[str, set[str]] = defaultdict(set)
        for node in self._store.nodes.values():
            found[node.cluster].add(node.name)
        return {cluster: frozenset(names) for cluster, names in found.items()}

    # queues

    def queue_counts(self, queue: Queue) -> QueueCounts:
        """Work and room of a queue."""
        return self._remember("queues", ("job", "node", "queue"), self._queues).get(queue.key, QueueCounts())

    def _queues(self) -> dict[str, QueueCounts]:
        found: dict[str, QueueCounts] = defaultdict(QueueCounts)
        for job in self._store.jobs.values():
            for partition in (job.partition or "").split(","):
                counts = found[f"{job.cluster}/{partition}"]
                if job.is_running:
                    counts.running += 1
                elif job.is_pending:
                    counts.pending += job.array_tasks
                    counts.reasons[job.reason or "not said"] += job.array_tasks
        for node in self._store.nodes.values():
            for partition in node.partitions:
                counts = found[f"{node.cluster}/{partition}"]
                counts.nodes[node.word] += 1
                if node.gpus_total is not None:
                    counts.gpus_total = (counts.gpus_total or 0) + node.gpus_total
                if node.gpus_used is not None:
                    counts.gpus_used = (counts.gpus_used or 0) + node.gpus_used
        return found

    # alerts

    def alert_node(self, alert: Alert) -> Node | None:
        """The node an alert is about, by its labels."""
        labels = dict(alert.labels)
        for label in ALERT_NODE_LABELS:
            if label in labels:
                node = self._store.nodes.get(f"{alert.cluster}/{self.node_name(alert.cluster, labels[label])}")
                if node is not None:
                    return node
        return None

    def alert_gpu(self, alert: Alert) -> int | None:
        """The GPU index an alert is about, by its labels."""
        labels = dict(alert.labels)
        for label in GPU_LABELS:
            digits = labels.get(label, "").removeprefix("nvidia")
            if digits.isdigit():
                return int(digits)
        return None

    def alerts_of_node(self, key: str) -> list[Alert]:
        """Alerts about the node `cluster/name`."""
        return self._remember("alerts by node", ("alert", "node"), self._alerts_by_node).get(key, [])

    def _alerts_by_node(self) -> dict[str, list[Alert]]:
        found: dict[str, list[Alert]] = defaultdict(list)
        for alert in self._store.alerts.values():
            node = self.alert_node(alert)
            if node is not None:
                found[node.key].append(alert)
        return found


_expanded: dict[str, tuple[str, ...]] = {}
_REMEMBERED_LISTS = 20_000


def _names(node_list: str) -> tuple[str, ...]:
    """Expand a folded list; the same few thousand lists come back at every refresh."""
    if not node_list:
        return ()
    if "[" not in node_list and "," not in node_list:
        return (node_list,)
    names = _expanded.get(node_list)
    if names is None:
        if len(_expanded) > _REMEMBERED_LISTS:
            _expanded.clear()
        names = _expanded[node_list] = expand(node_list)
    return names
