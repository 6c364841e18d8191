"""Pods across planes: which are on a node, which belong to a job, what was said of them, and what protects them.

Everything is remembered until the revision of what it came from moves.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple, TypeVar

from crashcart.backends.model import Job, Node
from crashcart.backends.pods import Budget, Event, Pod

from .remembered import Remembered
from .selectors import selects
from .store import Store

T = TypeVar("T")

OVER = frozenset(("SUCCEEDED", "FAILED"))
"""Phases of pods that hold nothing any more."""


class Guard(NamedTuple):
    """A budget that protects a pod. Not sure: the labels of the pod are not known, and it is of the namespace."""

    budget: Budget
    is_sure: bool


class Block(NamedTuple):
    """What would stop a drain: a budget that lets nobody go now, and the pods that it keeps."""

    budget: Budget
    pods: tuple[Pod, ...]
    is_sure: bool


class PodJoins:
    """Derived pictures of the pods, budgets and events of one store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._memory = Remembered()

    def _remember(self, what: str, kinds: tuple[str, ...], make: Callable[[], T]) -> T:
        return self._memory.get(what, tuple(self._store.revision[kind] for kind in kinds), make)

    def has_workloads(self) -> bool:
        """Whether any job is one of Kubernetes."""
        jobs = self._store.jobs
        return self._remember("workloads", ("job",), lambda: any(job.workload is not None for job in jobs.values()))

    # where pods are and whose

    def of_node(self, key: str) -> list[Pod]:
        """Pods on the node `cluster/name`: those with GPUs first, the largest before the others."""
        return self.by_node().get(key, [])

    def by_node(self) -> Mapping[str, list[Pod]]:
        """`of_node` of every node that has any."""
        return self._remember("by node", ("pod",), self._by_node)

    def _by_node(self) -> dict[str, list[Pod]]:
        return _grouped((f"{pod.cluster}/{pod.node}", pod) for pod in self._store.pods.values() if pod.node is not None)

    def of_job(self, key: str) -> list[Pod]:
        """Pods of the job `cluster/id`."""
        return self._remember("by job", ("pod",), self._by_job).get(key, [])

    def _by_job(self) -> dict[str, list[Pod]]:
        return _grouped((f"{pod.cluster}/{pod.job}", pod) for pod in self._store.pods.values() if pod.job is not None)

    def job(self, pod: Pod) -> Job | None:
        """The job a pod belongs to, where the picture has it."""
        return None if pod.job is None else self._store.jobs.get(f"{pod.cluster}/{pod.job}")

    def node(self, pod: Pod) -> Node | None:
        """The node a pod is on, where the picture has it."""
        return None if pod.node is None else self._store.nodes.get(f"{pod.cluster}/{pod.node}")

    # what was said

    def events_about(self, cluster: str, about: Iterable[str]) -> list[Event]:
        """Warnings about any of these (`Node/gpu001`, `Pod/train/llm-0`), the newest first."""
        known: dict[str, list[Event]] = self._remember("events", ("event",), self._by_subject)
        found = [event for one in dict.fromkeys(about) for event in known.get(f"{cluster}/{one}", ())]
        return sorted(found, key=lambda event: -event.last_seen)

    def _by_subject(self) -> dict[str, list[Event]]:
        found: dict[str, list[Event]] = defaultdict(list)
        for event in self._store.events.values():
            found[f"{event.cluster}/{event.about}"].append(event)
        return found

    def events_of_node(self, node: Node) -> list[Event]:
        """Warnings about the node and about the pods on it."""
        return self.events_about(node.cluster, (f"Node/{node.name}", *map(subject_of_pod, self.of_node(node.key))))

    def events_of_job(self, job: Job) -> list[Event]:
        """Warnings about the job and about its pods."""
        return self.events_about(job.cluster, (subject_of_job(job), *map(subject_of_pod, self.of_job(job.key))))

    def events_of_pod(self, pod: Pod) -> list[Event]:
        """Warnings about the pod."""
        return self.events_about(pod.cluster, (subject_of_pod(pod),))

    def place(self, event: Event) -> tuple[str, str] | None:
        """(kind, key) of what an event is about, where the picture has it."""
        kind, _, name = event.about.partition("/")
        key = f"{event.cluster}/{name}"
        if kind == "Node":
            return ("node", key) if key in self._store.nodes else None
        if kind == "Pod":
            return ("pod", key) if key in self._store.pods else None
        job = self._jobs_by_subject().get(f"{event.cluster}/{event.about}")
        return ("job", job) if job is not None else None

    def _jobs_by_subject(self) -> dict[str, str]:
        return self._remember("job subjects", ("job",), self._name_jobs)

    def _name_jobs(self) -> dict[str, str]:
        jobs = self._store.jobs.values()
        return {f"{job.cluster}/{subject_of_job(job)}": job.key for job in jobs if job.workload is not None}

    # what protects pods

    def guards(self, pod: Pod) -> list[Guard]:
        """The budgets that match a pod, those that allow the fewest to go first."""
        known: dict[str, list[Guard]] = self._remember("guards", ("pod", "budget"), dict)
        held = known.get(pod.key)
        if held is None:
            held = known[pod.key] = self._guards(pod)
        return held

    def _guards(self, pod: Pod) -> list[Guard]:
        budgets = self._remember("budgets", ("budget",), self._by_namespace).get(f"{pod.cluster}/{pod.namespace}", ())
        matched = ((budget, selects(budget.selector, pod.labels)) for budget in budgets)
        found = [Guard(budget, match is True) for budget, match in matched if match is not False]
        return sorted(found, key=lambda guard: (not guard.is_sure, guard.budget.allowed or 0, guard.budget.name))

    def _by_namespace(self) -> dict[str, list[Budget]]:
        found: dict[str, list[Budget]] = defaultdict(list)
        for budget in self._store.budgets.values():
            found[f"{budget.cluster}/{budget.namespace}"].append(budget)
        return found

    def guarded(self, budget: Budget) -> list[Pod]:
        """The pods that a budget protects, as far as that is known for sure."""
        return self._remember("guarded", ("pod", "budget"), self._by_budget).get(budget.key, [])

    def _by_budget(self) -> dict[str, list[Pod]]:
        guarded = ((guard, pod) for pod in self._store.pods.values() if not is_over(pod) for guard in self.guards(pod))
        return _grouped((guard.budget.key, pod) for guard, pod in guarded if guard.is_sure)

    def blocks(self, key: str) -> list[Block]:
        """What would stop a drain of the node `cluster/name` now."""
        kept: dict[str, list[Pod]] = defaultdict(list)
        guards: dict[str, Guard] = {}
        for pod in filter(is_movable, self.of_node(key)):
            for guard in self.guards(pod):
                if guard.budget.allowed == 0:
                    kept[guard.budget.key].append(pod)
                    guards.setdefault(guard.budget.key, guard)
        return [Block(guards[name].budget, tuple(pods), guards[name].is_sure) for name, pods in kept.items()]


def is_over(pod: Pod) -> bool:
    """It has ended and holds nothing any more."""
    return pod.phase in OVER


def is_movable(pod: Pod) -> bool:
    """Whether a drain would have to move it."""
    return not (is_over(pod) or pod.is_daemon or pod.is_mirror)


def subject_of_pod(pod: Pod) -> str:
    """What events call it."""
    return f"Pod/{pod.namespace}/{pod.name}"


def subject_of_job(job: Job) -> str:
    """What events call it."""
    return f"{job.workload}/{job.account}/{job.name}"


def _grouped(pairs: Iterator[tuple[str, Pod]]) -> dict[str, list[Pod]]:
    found: dict[str, list[Pod]] = defaultdict(list)
    for key, pod in pairs:
        found[key].append(pod)
    for pods in found.values():
        pods.sort(key=lambda pod: (is_over(pod), pod.is_daemon or pod.is_mirror, -pod.gpus, pod.namespace, pod.name))
    return found
