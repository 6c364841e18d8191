"""The Kubernetes half as the entities that operators see. `cluster` is filled in by the reader."""

from __future__ import annotations

from collections import Counter

from crashcart.backends.model import AnyEntity, Job, Node, Queue
from crashcart.backends.pods import Budget, Event, Pod

from .kube_half import KubeHalf
from .kube_state import SimBudget, SimPod, SimWorkload
from .shape import CPUS, GPU_TYPE, MEMORY_BYTES, Shape

SOURCE = "kubernetes"
VERSION = "v1.36.2"
TAINTS = ("nvidia.com/gpu:NoSchedule",)
UNSCHEDULABLE = "node.kubernetes.io/unschedulable:NoSchedule"


def entity(half: KubeHalf, kind: str, name: str, when: float) -> AnyEntity:
    """One of them by its name in the journal."""
    match kind:
        case "node":
            return node_entity(half, name, when)
        case "job":
            return job_entity(half, half.workloads[name], when)
        case "pod":
            return pod_entity(half.pods[name], when)
        case "budget":
            return budget_entity(half, half.budgets[name], when)
        case "queue":
            return queue_entity(half, name, when)
    return event_entity(half, name, when)


def node_entity(half: KubeHalf, name: str, when: float) -> Node:
    """The node as the API has it."""
    node, used, cordon = half.nodes[name], half.gpus_used(name), half.cordons.get(name)
    gpus = len(node.owners)
    flags = [*(("CORDON",) if cordon else ()), *(() if node.is_reachable else ("NOT_READY",))]
    return Node(
        cluster="",
        source=SOURCE,
        when=when,
        name=name,
        state="IDLE" if not used else "ALLOCATED" if used >= gpus else "MIXED",
        flags=tuple(flags),
        reason=cordon.reason if cordon else None,
        reason_by=cordon.by if cordon else None,
        reason_at=cordon.at if cordon else None,
        gpus_total=gpus,
        gpus_used=used,
        gpus_used_indexes=tuple(sorted(gpu for pod in half.on_node(name) for gpu in pod.gpu_indexes)),
        gpus_allocatable=gpus,
        gpu_type=GPU_TYPE,
        cpus_total=CPUS,
        memory_total_bytes=MEMORY_BYTES,
        address=node.address,
        rack=node.rack,
        switch=node.switch,
        version=VERSION,
        conditions=(cordon.condition,) if cordon and cordon.condition else (),
        taints=(*TAINTS, UNSCHEDULABLE) if cordon else TAINTS,
    )


def job_entity(half: KubeHalf, workload: SimWorkload, when: float) -> Job:
    """The owner of pods as a job."""
    running = [pod for pod in workload.pods if pod.node is not None]
    nodes = sorted({pod.node.index for pod in workload.pods if pod.node is not None})
    shape: Shape = half.sim.shape
    started = min((pod.started for pod in running if pod.started is not None), default=None)
    by_node: dict[str, tuple[int, ...]] = {}
    for pod in running:
        name = pod.node.name if pod.node is not None else ""
        by_node[name] = tuple(sorted((*by_node.get(name, ()), *pod.gpu_indexes)))
    state = "RUNNING" if running else "SUSPENDED" if workload.is_suspended else "PENDING"
    return Job(
        cluster="",
        source=SOURCE,
        when=when,
        id=workload.id,
        raw_id=f"uid-{workload.id}",
        name=workload.name,
        user=workload.user,
        account=workload.namespace,
        partition=workload.queue or workload.namespace,
        state=state,
        reason=_reason(workload, state),
        node_list=shape.fold(nodes),
        node_count=len(nodes) or None,
        gpus=workload.pods_wanted * workload.gpus_each,
        gpu_map=tuple(sorted(by_node.items())) or None,
        requeueable=None if workload.kind == "Deployment" else not workload.is_bare,
        restarts=workload.restarts,
        submit_time=workload.submitted,
        start_time=started,
        workload=workload.kind,
        managed_by="kueue" if workload.is_kueue else None,
    )


def _reason(workload: SimWorkload, state: str) -> str | None:
    if state == "SUSPENDED":
        return "suspended"
    waiting = Counter(pod.reason for pod in workload.pods if pod.reason)
    if not waiting:
        return None
    why = waiting.most_common(1)[0][0]
    return f"{sum(waiting.values())} of {len(workload.pods)} pods wait: {why}" if state == "RUNNING" else why


def pod_entity(pod: SimPod, when: float) -> Pod:
    """The pod as the API has it."""
    workload = pod.workload
    return Pod(
        cluster="",
        source=SOURCE,
        when=when,
        namespace=pod.namespace,
        name=pod.name,
        phase=pod.phase,
        node=pod.node.name if pod.node is not None else None,
        owner=None if workload is None or workload.is_bare else f"{workload.kind}/{workload.name}",
        job=workload.id if workload is not None else None,
        gpus=pod.gpus,
        gpu_indexes=pod.gpu_indexes or None,
        gpus_known_by="device annotation" if pod.gpu_indexes else "count only",
        reason=pod.reason,
        message=pod.message,
        restarts=pod.restarts,
        created=pod.created,
        started=pod.started,
        containers=("main",),
        has_local_data=pod.has_local_data,
        labels=(f"app={pod.app}",),
    )


def budget_entity(half: KubeHalf, budget: SimBudget, when: float) -> Budget:
    """The budget with its numbers as they are now."""
    return Budget(
        cluster="",
        source=SOURCE,
        when=when,
        namespace=budget.namespace,
        name=budget.name,
        selector=f"app={budget.app}",
        allowed=half.allowed(budget),
        healthy=half.healthy(budget),
        desired=budget.needed,
        expected=half.expected(budget),
    )


def queue_entity(half: KubeHalf, name: str, when: float) -> Queue:
    """A queue of Kueue."""
    quota = len(half.nodes) * half.sim.shape.gpus_per_node if name.startswith("clusterqueue/") else None
    return Queue(cluster="", source=SOURCE, when=when, name=name, state="UP", gpus_total=quota)


def event_entity(half: KubeHalf, name: str, when: float) -> Event:
    """A warning: about a node that was taken out, or a pod that finds no room."""
    kind, _, about = name.partition("/")
    if kind == "Node":
        cordon = half.cordons[about]
        return Event(cluster="", source=SOURCE, when=when, id=name, about=name,
                     reason=cordon.reason.partition(":")[0], message=cordon.reason, last_seen=cordon.at)  # fmt: skip
    pod = half.pods[about]
    return Event(cluster="", source=SOURCE, when=when, id=name, about=name, reason="FailedScheduling",
                 message=pod.message or "", last_seen=pod.created)  # fmt: skip
