"""The Kubernetes half as its API would show it: what changed, what is there now, and commands on it."""

from __future__ import annotations

from crashcart.backends.model import AnyEntity, Job, Node, Queue
from crashcart.backends.pods import Budget, Pod

from . import kubectl
from .kube_entities import budget_entity, entity, job_entity, node_entity, pod_entity, queue_entity
from .kube_half import QUEUES, KubeHalf
from .kube_script import KubeScript
from .protocol import KubeSeen, ObserveKube, Ran
from .simulation import Simulation


class KubeBoard:
    """One half with its script."""

    def __init__(self, sim: Simulation, *, is_incident: bool) -> None:
        self.half = KubeHalf(sim)
        KubeScript(self.half).play(is_incident=is_incident)

    @property
    def revision(self) -> int:
        return self.half.journal.revision

    def covers(self, revision: int) -> bool:
        """Whether all changes since then are known."""
        return self.half.journal.covers(revision)

    def since(self, revision: int, when: float) -> tuple[tuple[AnyEntity, ...], tuple[tuple[str, str], ...]]:
        """What changed and what is gone."""
        changed, gone = self.half.journal.since(revision)
        return tuple(entity(self.half, kind, name, when) for kind, name in changed), tuple(gone)

    def observe(self, request: ObserveKube, when: float) -> KubeSeen:
        """Everything, or the named nodes with their pods and the named jobs."""
        half = self.half
        names = tuple(half.nodes) if request.nodes is None else request.nodes
        ids = tuple(half.workloads) if request.jobs is None else request.jobs
        nodes: tuple[Node, ...] = tuple(node_entity(half, name, when) for name in names if name in half.nodes)
        jobs: tuple[Job, ...] = tuple(
            job_entity(half, half.workloads[job], when) for job in ids if job in half.workloads
        )
        pods: tuple[Pod, ...] = tuple(pod_entity(pod, when) for name in names for pod in half.on_node(name))
        is_all = request.nodes is None and request.jobs is None
        queues: tuple[Queue, ...] = tuple(queue_entity(half, name, when) for name in QUEUES if is_all and half.nodes)
        budgets: tuple[Budget, ...] = tuple(budget_entity(half, budget, when) for budget in half.budgets.values())
        return KubeSeen(when, nodes, jobs, queues, pods, budgets)

    def run(self, user: str, argv: tuple[str, ...]) -> Ran | None:
        """Run a kubectl command; None when it is none."""
        return kubectl.run(self.half, user, argv)
