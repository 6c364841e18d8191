"""One fault seen across planes: which jobs a node runs, whose a GPU is, how full a queue is.

Everything here is derived from the store and remembered until the revision of what it came from moves.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

from crashcart.backends.model import Job, Node, Queue
from crashcart.backends.pods import Pod

from .alert_joins import AlertJoins
from .findings import Findings
from .gpu_joins import GpuJoins
from .identity import NodeNames
from .planes import KUBERNETES
from .pod_joins import PodJoins, is_over
from .remembered import Remembered
from .store import Store
from .targets import expand

T = TypeVar("T")

COUNT_ONLY = "count only"

CLUSTER_QUEUE = "clusterqueue/"
"""How the names of queues begin in which no job waits by itself."""


@dataclass(frozen=True, slots=True)
class GpuOwner:
    """Who has a GPU, and how that is known."""

    job: Job | None  # None: only a label tells, and there is no such job in the picture
    source: str  # "scheduler": GPU index of the allocation; "device annotation": of a pod; "exporter label": the
    # telemetry says so; "whole node": the only job there has all its GPUs; "count only": it has that many of the node's
    label: str = ""  # "job 42", "pod NAMESPACE/NAME", where the exporter or a pod says so

    @property
    def is_exact(self) -> bool:
        """Whether it is this very GPU; else the first free ones stand for those that it has."""
        return self.source != COUNT_ONLY

    @property
    def name(self) -> str:
        """`job 42`, `pod NAMESPACE/NAME`."""
        return f"job {self.job.id}" if self.job is not None else self.label


@dataclass(slots=True)
class QueueCounts:
    """Work and room of one queue; None is not known."""

    running: int = 0
    pending: int = 0
    nodes: Counter[str] = field(default_factory=Counter)  # by Node.word
    gpus_total: int | None = None
    gpus_used: int | None = None
    reasons: Counter[str] = field(default_factory=Counter)  # of pending jobs
    knows_jobs: bool = True  # False: jobs wait in other queues that lead here, and which do is not told


class Joins:
    """Derived pictures over one store."""

    def __init__(self, store: Store, names: dict[str, NodeNames] | None = None) -> None:
        self._store = store
        self._names = names or {}
        self._memory = Remembered()
        self._labels: tuple[tuple[str, ...], ...] = ()
        self.alerts = AlertJoins(store, self.node_names)
        self.gpus = GpuJoins(store, self.node_names, self._gpus_of_job)
        self.pods = PodJoins(store)
        self.findings = Findings(store, self.gpus, self.node_names)

    def _remember(self, what: str, kinds: tuple[str, ...], make: Callable[[], T]) -> T:
        return self._memory.get(what, tuple(self._store.revision[kind] for kind in kinds), make)

    # jobs and nodes

    def jobs_on_node(self, key: str) -> list[Job]:
        """Running jobs on the node `cluster/name`, largest first."""
        return self.jobs_by_node().get(key, [])

    def jobs_by_node(self) -> Mapping[str, list[Job]]:
        """`jobs_on_node` of every node that has any; for who asks about thousands."""
        return self._remember("jobs by node", ("job",), self._jobs_by_node)

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
        """Who has GPU `gpu` of `host`, where any plane says so of this very GPU."""
        owner = self.owners_on_node(f"{cluster}/{self.node_name(cluster, host)}").get(gpu)
        return owner if owner is not None and owner.is_exact else None

    def job_on_gpu(self, cluster: str, host: str, gpu: int) -> Job | None:
        """Like `owner_of_gpu`, the job alone."""
        owner = self.owner_of_gpu(cluster, host, gpu)
        return owner.job if owner else None

    def owners_on_node(self, key: str) -> Mapping[int, GpuOwner]:
        """Owners of the GPUs of the node `cluster/name` by GPU index; worked out for nodes that are asked for.

        Where a pod tells only how many it has, the first free ones stand for them; `GpuOwner.is_exact` is then False.
        """
        labels = tuple(table.owners for table in self._store.gpus.values())
        if len(labels) != len(self._labels) or any(a is not b for a, b in zip(labels, self._labels, strict=True)):
            self._labels = labels  # by identity: a tuple of all GPUs is long, and a table replaces it whole
            self._memory.forget("owners")
        owners: dict[str, dict[int, GpuOwner]] = self._remember("owners", ("job", "node", "pod"), dict)
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
                source = "scheduler" if job.workload is None else "device annotation"
                found.update(dict.fromkeys(self._indexes(job).get(name, ()), GpuOwner(job, source)))
        node = self._store.nodes.get(key)
        pods = [pod for pod in self.pods.of_node(key) if pod.gpus and not is_over(pod)]
        exact = self._annotated(pods) | found
        if not exact and len(jobs) == 1 and node is not None and node.gpus_total and node.gpus_used == node.gpus_total:
            return dict.fromkeys(range(node.gpus_total), GpuOwner(jobs[0], "whole node"))
        exact = self._labelled(key, node) | exact
        return self._counted(pods, node, exact) | exact

    def _annotated(self, pods: list[Pod]) -> dict[int, GpuOwner]:
        """Owners by the GPU indexes that annotations of pods tell."""
        return {gpu: self._by_pod(pod, "device annotation") for pod in pods for gpu in pod.gpu_indexes or ()}

    def _counted(self, pods: list[Pod], node: Node | None, exact: Mapping[int, GpuOwner]) -> dict[int, GpuOwner]:
        """For pods that tell only how many GPUs they have: as many of those that nobody is known to have."""
        told = {owner.label for owner in exact.values()}
        counted = [pod for pod in pods if pod.gpu_indexes is None and _label(pod) not in told]
        free = iter([gpu for gpu in range((node.gpus_total or 0) if node is not None else 0) if gpu not in exact])
        return {gpu: self._by_pod(pod, COUNT_ONLY) for pod in counted for gpu in islice(free, pod.gpus)}

    def _by_pod(self, pod: Pod, source: str) -> GpuOwner:
        return GpuOwner(self.pods.job(pod), source, _label(pod))

    def _labelled(self, key: str, node: Node | None) -> dict[int, GpuOwner]:
        """Owners by the labels of the exporter, but for GPUs that the scheduler knows to be free."""
        cluster = key.partition("/")[0]
        table, host = self._store.gpus.get(cluster), self.gpus.host(key)
        if table is None or host is None or not table.owners:
            return {}
        used = None if node is None else node.gpus_used_indexes
        labels = {gpu: table.owner(host, gpu) for gpu in range(table.counts[host]) if used is None or gpu in used}
        return {gpu: self._by_label(cluster, label) for gpu, label in labels.items() if label}

    def _by_label(self, cluster: str, label: str) -> GpuOwner:
        kind, _, name = label.partition(":")
        if kind == "pod":
            pod = self._store.pods.get(f"{cluster}/{name}")
            job = self.pods.job(pod) if pod is not None else None
        else:
            job = self._jobs_by_number().get(f"{cluster}/{name}") if kind == "job" else None
        return GpuOwner(job, "exporter label", f"{kind} {name}")

    def _jobs_by_number(self) -> dict[str, Job]:
        """Running jobs by id and by the scheduler's own number; labels may have either."""
        return self._remember("jobs by number", ("job",), self._number_jobs)

    def _number_jobs(self) -> dict[str, Job]:
        running = [job for job in self._store.jobs.values() if job.is_running]
        return {f"{job.cluster}/{job.raw_id}": job for job in running} | {job.key: job for job in running}

    def _gpus_of_job(self, job: Job) -> Iterator[tuple[str, tuple[int, ...]]]:
        """What a running job has: (node key, GPU indexes)."""
        if job.gpu_map is not None:
            yield from ((f"{job.cluster}/{name}", gpus) for name, gpus in job.gpu_map)
            return
        for name in _names(job.node_list):
            key = f"{job.cluster}/{name}"
            owners = self.owners_on_node(key).items()
            mine = [
                gpu for gpu, owner in owners if owner.is_exact and owner.job is not None and owner.job.key == job.key
            ]
            yield key, tuple(mine)

    def _indexes(self, job: Job) -> dict[str, tuple[int, ...]]:
        """The job's GPU map by node; a job on a thousand nodes is asked a thousand times."""
        maps: dict[str, dict[str, tuple[int, ...]]] = self._remember("GPU maps", ("job",), dict)
        held = maps.get(job.key)
        if held is None:
            held = maps[job.key] = dict(job.gpu_map or ())
        return held

    def node_name(self, cluster: str, raw: str) -> str:
        """The node name behind a name that another plane uses."""
        return self.node_names(cluster).canonical(raw)

    def node_names(self, cluster: str) -> NodeNames:
        """What maps names to the node names that this cluster has now."""
        names = self._names.get(cluster)
        if names is None:
            names = self._names[cluster] = NodeNames()
        known = self._remember("node names", ("node",), self._known_names)
        names.learn(known.get(cluster, frozenset()))
        return names

    def _known_names(self) -> dict[str, frozenset[str]]:
        found: dict[str, set[str]] = defaultdict(set)
        for node in self._store.nodes.values():
            found[node.cluster].add(node.name)
        return {cluster: frozenset(names) for cluster, names in found.items()}

    # queues

    def queue_counts(self, queue: Queue) -> QueueCounts:
        """Work and room of a queue."""
        slot = (queue.cluster, queue.source, queue.name)
        return self._remember("queues", ("job", "node", "queue"), self._queues).get(slot, QueueCounts())

    def _queues(self) -> dict[tuple[str, str, str], QueueCounts]:
        """By cluster, source and name: a namespace may be called like a partition of Slurm."""
        found: dict[tuple[str, str, str], QueueCounts] = defaultdict(QueueCounts)
        for queue in self._store.queues.values():
            if queue.source == KUBERNETES:  # it has no nodes of its own, only a quota
                counts = found[(queue.cluster, queue.source, queue.name)]
                counts.gpus_total = queue.gpus_total
                counts.knows_jobs = not queue.name.startswith(CLUSTER_QUEUE)
                counts.gpus_used = 0 if counts.knows_jobs else None
        for job in self._store.jobs.values():
            for partition in (job.partition or "").split(","):
                counts = found[(job.cluster, job.source, partition)]
                if job.is_running:
                    counts.running += 1
                    if job.workload is not None:
                        counts.gpus_used = (counts.gpus_used or 0) + (job.gpus or 0)
                elif job.is_pending:
                    counts.pending += job.array_tasks
                    counts.reasons[job.reason or "not said"] += job.array_tasks
        for node in self._store.nodes.values():
            for partition in node.partitions:
                counts = found[(node.cluster, node.source, partition)]
                counts.nodes[node.word] += 1
                if node.gpus_total is not None:
                    counts.gpus_total = (counts.gpus_total or 0) + node.gpus_total
                if node.gpus_used is not None:
                    counts.gpus_used = (counts.gpus_used or 0) + node.gpus_used
        return found


def _label(pod: Pod) -> str:
    return f"pod {pod.namespace}/{pod.name}"


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
