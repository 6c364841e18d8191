"""The Kubernetes half of the simulated cluster: a third of the nodes, and pods where Slurm has left GPUs free."""

from __future__ import annotations

from collections.abc import Iterable

from .journal import Journal
from .kube_state import SimBudget, SimCordon, SimPod, SimWorkload
from .simulation import Simulation
from .state import Guest, SimNode

QUEUES = ("clusterqueue/h100", "research/gpus", "batch/gpus")
SMALLEST = 32
"""A smaller cluster has no Kubernetes half: a third of it would be next to nothing."""

RESTART_SECONDS = 8.0
"""From the end of a pod to the start of the one that stands in for it."""
RESUME_SECONDS = 20.0
START_SECONDS = 40.0
"""From the making of a pod to its first container."""


class KubeHalf:
    """State and mechanics. Nodes are those of the simulation; each plane has its own idea of what runs on them."""

    def __init__(self, sim: Simulation) -> None:
        self.sim = sim
        self.journal = Journal()
        self.nodes: dict[str, SimNode] = {}
        self.pods: dict[str, SimPod] = {}
        self.workloads: dict[str, SimWorkload] = {}
        self.budgets: dict[str, SimBudget] = {}
        self.cordons: dict[str, SimCordon] = {}
        self.warnings: set[str] = set()  # what events are about: Node/NAME, Pod/NAMESPACE/NAME
        self._on_node: dict[str, list[SimPod]] = {}
        if len(sim.nodes) >= SMALLEST:
            for node in sim.nodes[len(sim.nodes) * 2 // 3 :]:
                self.nodes[node.name] = node
                self.journal.touch("node", node.name)
            for queue in QUEUES:
                self.journal.touch("queue", queue)

    # what is there

    def on_node(self, name: str) -> list[SimPod]:
        """The pods that run on a node."""
        return self._on_node.get(name, [])

    def gpus_used(self, name: str) -> int:
        """GPUs that pods hold."""
        return sum(pod.gpus for pod in self.on_node(name))

    def guards(self, pod: SimPod) -> list[SimBudget]:
        """The budgets that protect a pod."""
        budgets = self.budgets.values()
        return [budget for budget in budgets if (budget.namespace, budget.app) == (pod.namespace, pod.app)]

    def healthy(self, budget: SimBudget) -> int:
        """Running pods that the budget counts."""
        return sum(pod.node is not None for pod in self._of(budget))

    def expected(self, budget: SimBudget) -> int:
        """Pods that the budget counts."""
        return len(self._of(budget))

    def allowed(self, budget: SimBudget) -> int:
        """How many may go now."""
        return max(0, self.healthy(budget) - budget.needed)

    def _of(self, budget: SimBudget) -> list[SimPod]:
        return [pod for pod in self.pods.values() if (pod.namespace, pod.app) == (budget.namespace, budget.app)]

    # workloads

    def add(self, workload: SimWorkload) -> SimWorkload:
        """A workload comes, with its pods where there is room."""
        self.workloads[workload.id] = workload
        self._fill(workload, workload.submitted)
        self.touch(workload)
        return workload

    def add_budget(self, budget: SimBudget) -> None:
        self.budgets[f"{budget.namespace}/{budget.name}"] = budget
        self.journal.touch("budget", f"{budget.namespace}/{budget.name}")

    def touch(self, workload: SimWorkload) -> None:
        """It changed, and with it what its budgets allow."""
        self.journal.touch("job", workload.id)
        for key, budget in self.budgets.items():
            if (budget.namespace, budget.app) == (workload.namespace, workload.name):
                self.journal.touch("budget", key)

    def _fill(self, workload: SimWorkload, since: float) -> None:
        while not workload.is_suspended and len(workload.pods) < workload.pods_wanted:
            name = workload.name if workload.is_bare else f"{workload.name}-{workload.made}"
            pod = SimPod(
                workload.namespace, name, workload.name, workload.gpus_each, since, workload, has_local_data=True
            )
            workload.made += 1
            workload.pods.append(pod)
            self.pods[pod.key] = pod
            self._try(pod)

    def _try(self, pod: SimPod) -> None:
        """Place a pod, or say why not."""
        workload = pod.workload
        node = None if workload is None or workload.never_fits else self._room(pod)
        if node is not None:
            self.place(pod, node)
            return
        if pod.reason is None:
            pod.reason = (workload.never_fits if workload else None) or f"{len(self.nodes)} Insufficient nvidia.com/gpu"
            pod.message = f"0/{len(self.nodes)} nodes are available: {pod.reason}."
            self.journal.touch("pod", pod.key)
            self._warn(f"Pod/{pod.key}")

    def _room(self, pod: SimPod) -> SimNode | None:
        """A node with GPUs that neither plane uses, the last first: Slurm begins with the first."""
        open_ = (node for node in reversed(self.nodes.values()) if node.takes_work and node.name not in self.cordons)
        return next((node for node in open_ if len(self._free(node)) >= pod.gpus), None)

    def _free(self, node: SimNode) -> list[int]:
        held = {gpu for pod in self.on_node(node.name) for gpu in pod.gpu_indexes}
        return [gpu for gpu, owner in enumerate(node.owners) if owner is None and gpu not in held]

    def place(self, pod: SimPod, node: SimNode) -> None:
        """Run a pod there, on the last GPUs that are free."""
        pod.node, pod.reason, pod.message = node, None, None
        pod.started = min(self.sim.now, pod.created + START_SECONDS)
        pod.gpu_indexes = tuple(self._free(node)[-pod.gpus :]) if pod.gpus else ()
        load = pod.workload.load if pod.workload is not None else "light"
        node.guests |= dict.fromkeys(pod.gpu_indexes, Guest(load, pod.started))
        self.sim.touch_node(node)
        self._on_node.setdefault(node.name, []).append(pod)
        self._calm(f"Pod/{pod.key}")
        self.journal.touch("pod", pod.key)
        self.journal.touch("node", node.name)

    def move(self, pod: SimPod, node: SimNode) -> None:
        """Have it somewhere else, as if it had always been there."""
        self._leave(pod)
        self.place(pod, node)

    # what is done to them

    def cordon(self, name: str, cordon: SimCordon) -> None:
        self.cordons[name] = cordon
        self.journal.touch("node", name)
        if cordon.condition:
            self._warn(f"Node/{name}")

    def uncordon(self, name: str) -> None:
        self.cordons.pop(name, None)
        self._calm(f"Node/{name}")
        self.journal.touch("node", name)
        self._retry()

    def evict(self, pod: SimPod) -> None:
        """End a pod; what owns it makes another one."""
        self._remove(pod)
        workload = pod.workload
        if workload is not None and workload.is_bare:
            self._drop(workload)
        elif workload is not None:
            workload.restarts += 1
            self._later(workload, RESTART_SECONDS)
            self.touch(workload)

    def suspend(self, workload: SimWorkload) -> None:
        """Stop it and keep it from starting."""
        workload.is_suspended = True
        workload.restarts += any(pod.node is not None for pod in workload.pods)
        self._stop(workload)
        self.touch(workload)

    def resume(self, workload: SimWorkload) -> None:
        """Let it start again soon."""
        workload.is_suspended = False
        self._later(workload, RESUME_SECONDS)
        self.touch(workload)

    def delete(self, workload: SimWorkload) -> None:
        """End it for good."""
        self._stop(workload)
        self._drop(workload)

    def _drop(self, workload: SimWorkload) -> None:
        self.workloads.pop(workload.id, None)
        self.journal.drop("job", workload.id)

    def _stop(self, workload: SimWorkload) -> None:
        workload.run += 1
        for pod in tuple(workload.pods):
            self._remove(pod)

    def _later(self, workload: SimWorkload, seconds: float) -> None:
        run = workload.run

        def make() -> None:
            if workload.run == run and workload.id in self.workloads:
                self._fill(workload, self.sim.now)
                self.touch(workload)

        self.sim.timeline.after(seconds, make)

    def _remove(self, pod: SimPod) -> None:
        self.pods.pop(pod.key, None)
        self.journal.drop("pod", pod.key)
        self._calm(f"Pod/{pod.key}")
        if pod.workload is not None:
            pod.workload.pods.remove(pod)
        self._leave(pod)
        self._retry()

    def _leave(self, pod: SimPod) -> None:
        """Give its GPUs back."""
        if pod.node is None:
            return
        self._on_node[pod.node.name].remove(pod)
        for gpu in pod.gpu_indexes:
            pod.node.guests.pop(gpu, None)
        self.sim.touch_node(pod.node)
        self.journal.touch("node", pod.node.name)

    def _warn(self, about: str) -> None:
        self.warnings.add(about)
        self.journal.touch("event", about)

    def _calm(self, about: str) -> None:
        if about in self.warnings:
            self.warnings.discard(about)
            self.journal.drop("event", about)

    def _retry(self) -> None:
        """Room may have come for pods that wait."""
        waiting: Iterable[SimPod] = [pod for pod in self.pods.values() if pod.node is None]
        for pod in waiting:
            self._try(pod)
            if pod.node is not None and pod.workload is not None:
                self.touch(pod.workload)
