"""Reads the cluster, or a part of it, afresh, with the same eyes as the feed, and remembers what was seen.

What is remembered binds later changes to it: the node as it was, the pods of a job, the Workload that stands for it.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

from crashcart.backends.contract import Context
from crashcart.backends.contract import Picture as Observed
from crashcart.backends.entity import Entity
from crashcart.backends.errors import BackendError, BadIdentifier, Denied, Unsupported
from crashcart.backends.model import Job, Node, Queue
from crashcart.backends.pods import Pod

from . import resources
from .asking import Asking, decoded, each
from .declared import Place, gate_of_workload
from .failures import NotSignedIn
from .inbox import Delivery, Objects
from .listing import key_of, list_all
from .node_pods import NodePods
from .owners import job_name
from .picture import Picture
from .resources import Resource
from .served import Served
from .shapes import RawNode
from .site import Site

E = TypeVar("E", bound=Entity)

NODES_BY_ONE = 8
"""For more named nodes than this one listing of all is cheaper."""

_OF_JOBS = (resources.PODS, resources.JOBS, resources.JOB_SETS, resources.WORKLOADS, resources.POD_GROUPS)
_NEEDED = (resources.NODES, resources.PODS, resources.JOBS, resources.JOB_SETS, resources.WORKLOADS)
"""What an action may depend on: it is said when we may not read it."""

_OF_QUEUES = (resources.CLUSTER_QUEUES, resources.LOCAL_QUEUES, resources.VOLCANO_QUEUES)


class Seen(NamedTuple):
    """What the readings up to now have shown."""

    nodes: dict[str, RawNode]  # by our name
    jobs: dict[str, Job]
    pods: dict[str, list[Pod]]  # of each job
    workloads: dict[str, str]  # job -> name of Kueue's Workload for it
    namespaces: dict[str, frozenset[str]]  # of pods that a drain would move, by node


class Part(NamedTuple):
    """What one reading brought; `unread` are the resources that we may not read, in words."""

    deliveries: dict[str, Delivery]
    unread: tuple[str, ...]


class Reading:
    """Every reading is a new picture made from fresh lists."""

    def __init__(self, asking: Asking, context: Context, served: Served) -> None:
        self.seen = Seen({}, {}, {}, {}, {})
        self._asking = asking
        self._context = context
        self._served = served
        self._namespaces: Sequence[str] = context.options.namespaces

    def own_name(self, node: str) -> str:
        """What Kubernetes calls a node, as far as it was seen."""
        found = self.seen.nodes.get(node)
        return node if found is None else found.metadata.name

    async def all(self) -> Observed:
        """The whole cluster. Raises Unreachable, and what the most important listing raises where none is allowed."""
        when = time.time()
        part = await self._listed((resources.NODES, *_OF_JOBS, *_OF_QUEUES), self._namespaces or ("",))
        picture = await self._asking.run(self._picture, part.deliveries, when)
        self._remember_nodes(part.deliveries, picture, forget=True)
        self._remember_jobs(part.deliveries, picture, forget=True)
        return Observed(
            nodes=_of(picture, Node),
            jobs=_of(picture, Job),
            queues=_of(picture, Queue),
            pods=_of(picture, Pod),
            when=when,
            unread=part.unread,
        )

    async def nodes(self, names: Sequence[str]) -> tuple[Node, ...]:
        """The named nodes; those that are not there are left out."""
        when = time.time()
        if len(names) > NODES_BY_ONE or any(name not in self.seen.nodes for name in names):
            part = await self._listed((resources.NODES, resources.PODS), self._namespaces or ("",))
            deliveries = part.deliveries
        else:
            deliveries = await self._single(names)
        picture = await self._asking.run(self._picture, deliveries, when)
        self._remember_nodes(deliveries, picture)
        wanted = set(names)
        return tuple(node for node in _of(picture, Node) if node.name in wanted)

    async def jobs(self, ids: Sequence[str]) -> tuple[Job, ...]:
        """The named jobs; those that are not there are left out."""
        when, wanted = time.time(), set(ids)
        part = await self._listed(_OF_JOBS, sorted({job.partition("/")[0] for job in ids}))
        picture = await self._asking.run(self._picture, part.deliveries, when)
        self._remember_jobs(part.deliveries, picture)
        return tuple(job for job in _of(picture, Job) if job.id in wanted)

    async def _single(self, names: Sequence[str]) -> dict[str, Delivery]:
        nodes: Objects = {}
        pods: Objects = {}

        async def one(name: str) -> None:
            own = self.own_name(name)
            node, held = await asyncio.gather(self._node(own), self._pods_on(own))
            nodes.update({own: node} if node is not None else {})
            pods.update(held)

        await each(one, names)
        return {resources.NODES.name: Delivery({"": nodes}, {}), resources.PODS.name: Delivery({"": pods}, {})}

    async def _pods_on(self, own: str) -> Objects:
        """None where we may not see pods, as in the listing of all."""
        try:
            found = await NodePods(self._asking, own, self._namespaces).read()
        except NotSignedIn:
            raise
        except Denied:
            return {}
        return {key_of(pod): pod for pod in found}

    async def _node(self, own: str) -> RawNode | None:
        try:
            reply = await self._asking.get(f"{resources.NODES.path()}/{own}", what=f"node {own}")
        except Unsupported:
            return None
        return decoded(RawNode, reply.body, f"node {own}")

    async def _listed(self, wanted: Sequence[Resource], namespaces: Sequence[str]) -> Part:
        """Lists of all these together: what may not be read is said, what does not answer is raised."""
        asked = [
            (resource, namespace)
            for resource in wanted
            for namespace in (namespaces if resource.is_namespaced else ("",))
        ]
        answers = await asyncio.gather(*(self._list(*one) for one in asked), return_exceptions=True)
        found: dict[str, Delivery] = {}
        refused: list[BackendError] = []
        for (resource, namespace), answer in zip(asked, answers, strict=True):
            if isinstance(answer, Denied) and not isinstance(answer, NotSignedIn):
                refused += [answer] if resource in _NEEDED else []
            elif isinstance(answer, BaseException):
                raise answer
            elif answer is not None:
                found.setdefault(resource.name, Delivery({}, {})).listings[namespace] = answer
        if refused and not found.keys() & {resources.NODES.name, resources.PODS.name}:
            raise refused[0]
        return Part(found, tuple(dict.fromkeys(map(str, refused))))

    async def _list(self, resource: Resource, namespace: str) -> Objects | None:
        version = await self._served.version(resource.group)
        if version is None:
            return None
        path = resource.path(namespace, version)
        try:
            return (await self._asking.run(list_all, self._asking.client, resource, path)).objects
        except Unsupported:
            if resource.is_optional:
                return None
            raise

    def _picture(self, deliveries: dict[str, Delivery], when: float) -> Picture:
        picture = Picture(Site(self._context, self._asking.client.clock))
        if resources.PODS.name in deliveries:
            picture.nodes.learn_pods()
        picture.take(deliveries, when)
        return picture

    def _remember_nodes(self, deliveries: dict[str, Delivery], picture: Picture, *, forget: bool = False) -> None:
        if forget:
            self.seen.nodes.clear()
            self.seen.namespaces.clear()
        named = {node.own_name or node.name: node.name for node in _of(picture, Node)}
        for raw in _objects(deliveries, resources.NODES):
            if raw.metadata.name in named:
                self.seen.nodes[named[raw.metadata.name]] = raw
        places: dict[str, set[str]] = defaultdict(set)
        for pod in _of(picture, Pod):
            if pod.node is not None and not (pod.is_daemon or pod.is_mirror):
                places[pod.node].add(pod.namespace)
        self.seen.namespaces.update({name: frozenset(places[name]) for name in named.values()})

    def _remember_jobs(self, deliveries: dict[str, Delivery], picture: Picture, *, forget: bool = False) -> None:
        if forget:
            for known in (self.seen.jobs, self.seen.pods, self.seen.workloads):
                known.clear()
        by_job: dict[str, list[Pod]] = defaultdict(list)
        for pod in _of(picture, Pod):
            if pod.job is not None:
                by_job[pod.job].append(pod)
        site = Site(self._context, self._asking.client.clock)
        for job in _of(picture, Job):
            self.seen.jobs[job.id] = job
            self.seen.pods[job.id] = sorted(by_job[job.id], key=lambda pod: pod.name)
            self.seen.workloads.pop(job.id, None)
        for raw in _objects(deliveries, resources.WORKLOADS):
            gate = gate_of_workload(raw, site)
            if gate is not None and (job_id := _id_of(gate.place)) is not None:
                self.seen.workloads[job_id] = raw.metadata.name


def _of(picture: Picture, kind: type[E]) -> tuple[E, ...]:
    return tuple(one for one in picture.entities(kind.kind) if isinstance(one, kind))


def _objects(deliveries: dict[str, Delivery], resource: Resource) -> Iterator[Any]:
    if resource.name in deliveries:
        for objects in deliveries[resource.name].listings.values():
            yield from objects.values()


def _id_of(place: Place) -> str | None:
    try:
        return job_name(*place)
    except BadIdentifier:
        return None
