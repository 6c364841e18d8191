"""What readings have shown, as far as later changes are bound to it: nodes as they were, pods of jobs, Workloads."""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple, TypeVar

from crashcart.backends.entity import Entity
from crashcart.backends.errors import BadIdentifier
from crashcart.backends.model import Job, Node
from crashcart.backends.pods import Pod

from . import resources
from .declared import Place, gate_of_workload
from .inbox import Delivery
from .listing import key_of
from .owners import job_name
from .picture import Picture
from .resources import Resource
from .shapes import RawNode, RawPod
from .site import Site

E = TypeVar("E", bound=Entity)

MAIN_PROCESS = "crashcart.io/checkpoint-pid"
"""Annotation of a pod: which process takes the signal, where process 1 is a shell that passes nothing on."""

_PROCESS = re.compile(r"[1-9][0-9]{0,6}\Z")


class Processes(NamedTuple):
    """Which process a signal is for, and whether the container shares its process ids with others."""

    main: int
    are_shared: bool


class Sightings:
    """Brought up to date by each reading.

    A node stays as it was when it was looked at by name: that is what an action was checked against, and a listing for
    somebody else's preview must not move it.
    """

    def __init__(self) -> None:
        self.nodes: dict[str, RawNode] = {}  # by our name
        self.jobs: dict[str, Job] = {}
        self.pods: dict[str, list[Pod]] = {}  # of each job
        self.workloads: dict[str, str] = {}  # job -> name of Kueue's Workload for it
        self.namespaces: dict[str, frozenset[str]] = {}  # of pods that a drain would move, by node
        self.processes: dict[str, Processes] = {}  # of pods, NAMESPACE/NAME, where they are not the usual ones
        self._listed_at: float | None = None

    def all_nodes_are_known(self, seconds: float) -> bool:
        """Whether all nodes were listed within so many seconds."""
        return self._listed_at is not None and time.monotonic() - self._listed_at < seconds

    def take_nodes(
        self, deliveries: dict[str, Delivery], picture: Picture, asked: Collection[str] = (), *, is_all: bool
    ) -> None:
        """A reading of some nodes, or of all; `asked` are those that were asked for by name."""
        named = {node.own_name or node.name: node.name for node in of_kind(picture, Node)}
        raws = [raw for raw in _objects(deliveries, resources.NODES) if raw.metadata.name in named]
        found = {named[raw.metadata.name]: raw for raw in raws}
        if is_all:
            self._listed_at = time.monotonic()
            found |= {name: raw for name, raw in self.nodes.items() if name in found and name not in asked}
            self.nodes.clear()
            self.namespaces.clear()
        self.nodes.update(found)
        places: dict[str, set[str]] = defaultdict(set)
        for pod in of_kind(picture, Pod):
            if pod.node is not None and not (pod.is_daemon or pod.is_mirror):
                places[pod.node].add(pod.namespace)
        self.namespaces.update({name: frozenset(places[name]) for name in named.values()})

    def take_jobs(self, deliveries: dict[str, Delivery], picture: Picture, site: Site, *, is_all: bool = False) -> None:
        """A reading of the jobs of some namespaces, or of all."""
        if is_all:
            for known in (self.jobs, self.pods, self.workloads, self.processes):
                known.clear()
        for raw in _objects(deliveries, resources.PODS):
            if (unusual := _processes(raw)) is not None:
                self.processes[key_of(raw)] = unusual
        by_job: dict[str, list[Pod]] = defaultdict(list)
        for pod in of_kind(picture, Pod):
            if pod.job is not None:
                by_job[pod.job].append(pod)
        for job in of_kind(picture, Job):
            self.jobs[job.id] = job
            self.pods[job.id] = sorted(by_job[job.id], key=lambda pod: pod.name)
            self.workloads.pop(job.id, None)
        for raw in _objects(deliveries, resources.WORKLOADS):
            gate = gate_of_workload(raw, site)
            if gate is not None and (job_id := _id_of(gate.place)) is not None:
                self.workloads[job_id] = raw.metadata.name


def of_kind(picture: Picture, kind: type[E]) -> tuple[E, ...]:
    """All entities of a kind in the picture."""
    return tuple(one for one in picture.entities(kind.kind) if isinstance(one, kind))


def _objects(deliveries: dict[str, Delivery], resource: Resource) -> Iterator[Any]:
    if resource.name in deliveries:
        for objects in deliveries[resource.name].listings.values():
            yield from objects.values()


def _processes(raw: RawPod) -> Processes | None:
    """None for the usual: process 1, in a container that has its process ids for itself."""
    told = (raw.metadata.annotations or {}).get(MAIN_PROCESS, "1")
    main = int(told) if _PROCESS.match(told) else 1
    are_shared = raw.spec.host_pid or raw.spec.share_process_namespace
    return Processes(main, are_shared) if are_shared or main != 1 else None


def _id_of(place: Place) -> str | None:
    try:
        return job_name(*place)
    except BadIdentifier:
        return None
