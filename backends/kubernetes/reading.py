"""Reads the cluster, or a part of it, afresh, with the same eyes as the feed, and remembers what was seen.

What is remembered binds later changes to it: the node as it was, the pods of a job, the Workload that stands for it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import NamedTuple

from crashcart.backends.contract import Context
from crashcart.backends.contract import Picture as Observed
from crashcart.backends.errors import Denied, Unsupported
from crashcart.backends.model import Job, Node, Queue
from crashcart.backends.pods import Pod

from . import resources
from .asking import Asking, decoded, each
from .failures import NotSignedIn
from .inbox import Delivery, Objects
from .listing import key_of, list_all
from .node_pods import NodePods
from .picture import Picture
from .resources import Resource
from .served import Served
from .shapes import RawNode
from .sightings import Sightings, of_kind
from .site import Site
from .workload_kinds import Place, place_of

NODES_BY_ONE = 8
"""For more named nodes than this one listing of all is cheaper."""

JOBS_BY_ONE = 4
LISTED_SECONDS = 30.0
"""A name that was not among all nodes so recently is one that only another scheduler knows."""

_OF_JOBS = (resources.PODS, resources.JOBS, resources.JOB_SETS, resources.WORKLOADS, resources.POD_GROUPS)
_NEEDED = (resources.NODES, resources.PODS, resources.JOBS, resources.JOB_SETS, resources.WORKLOADS)
"""What an action may depend on: it is said when we may not read it."""

_OF_QUEUES = (resources.CLUSTER_QUEUES, resources.LOCAL_QUEUES, resources.VOLCANO_QUEUES)


class Part(NamedTuple):
    """What one reading brought; `unread` are the resources that we may not read, in words."""

    deliveries: dict[str, Delivery]
    unread: tuple[str, ...]


class Reading:
    """Every reading is a new picture made from fresh lists."""

    def __init__(self, asking: Asking, context: Context, served: Served) -> None:
        self.seen = Sightings()
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
        _check_listed(part, resources.NODES, resources.PODS)
        picture = await self._asking.run(self._picture, part.deliveries, when)
        if resources.NODES.name in part.deliveries:
            self.seen.take_nodes(part.deliveries, picture, is_all=True)
        knows_pods = resources.PODS.name in part.deliveries
        self.seen.take_jobs(part.deliveries, picture, self._site(), is_all=True)
        return Observed(
            nodes=of_kind(picture, Node),
            jobs=of_kind(picture, Job) if knows_pods else (),
            queues=of_kind(picture, Queue),
            pods=of_kind(picture, Pod),
            when=when,
            unread=part.unread,
        )

    async def nodes(self, names: Sequence[str]) -> tuple[Node, ...]:
        """The named nodes; those that are not there are left out."""
        when, wanted = time.time(), set(names)
        if self.seen.all_nodes_are_known(LISTED_SECONDS):
            wanted &= self.seen.nodes.keys()
        if not wanted:
            return ()
        is_all = len(wanted) > NODES_BY_ONE or not wanted <= self.seen.nodes.keys()
        deliveries = await (self._all_nodes() if is_all else self._single(sorted(wanted)))
        picture = await self._asking.run(self._picture, deliveries, when)
        self.seen.take_nodes(deliveries, picture, wanted, is_all=is_all)
        return tuple(node for node in of_kind(picture, Node) if node.name in wanted)

    async def jobs(self, ids: Sequence[str]) -> tuple[Job, ...]:
        """The named jobs; those that are not there are left out."""
        when, wanted = time.time(), set(ids)
        namespaces = sorted({job.partition("/")[0] for job in ids})
        pods, part = await asyncio.gather(self._pods_of(ids), self._listed(_OF_JOBS[1:], namespaces))
        if pods is None:
            part = await self._listed(_OF_JOBS, namespaces)
            _check_listed(part, resources.PODS)
        else:
            part.deliveries[resources.PODS.name] = Delivery({"": pods}, {})
        picture = await self._asking.run(self._picture, part.deliveries, when)
        self.seen.take_jobs(part.deliveries, picture, self._site())
        return tuple(job for job in of_kind(picture, Job) if job.id in wanted)

    async def _all_nodes(self) -> dict[str, Delivery]:
        part = await self._listed((resources.NODES, resources.PODS), self._namespaces or ("",))
        _check_listed(part, resources.NODES)
        return part.deliveries

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

    async def _pods_of(self, ids: Sequence[str]) -> Objects | None:
        """Pods of these jobs, where there are few of them and each tells how to find its pods."""
        places = [place for job in ids if (place := self._place(job)) is not None]
        if len(ids) > JOBS_BY_ONE or len(places) < len(ids):
            return None

        async def one(place: Place) -> Objects:
            path = resources.PODS.path(place.namespace)
            asking = self._asking
            listing = await asking.run(
                list_all, asking.client, resources.PODS, path, fields=place.fields, labels=place.selector
            )
            return listing.objects

        return {key: pod for found in await each(one, places) for key, pod in found.items()}

    def _place(self, job: str) -> Place | None:
        known = self.seen.jobs.get(job)
        try:
            place = place_of(job, known.workload if known is not None else None)
        except Unsupported:
            return None
        return place if place.selector or place.fields else None

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
        unread: list[str] = []
        for (resource, namespace), answer in zip(asked, answers, strict=True):
            if isinstance(answer, Denied) and not isinstance(answer, NotSignedIn):
                unread += [str(answer)] if resource in _NEEDED else []
            elif isinstance(answer, BaseException):
                raise answer
            elif answer is not None:
                found.setdefault(resource.name, Delivery({}, {})).listings[namespace] = answer
        return Part(found, tuple(dict.fromkeys(unread)))

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

    def _site(self) -> Site:
        return Site(self._context, self._asking.client.clock)

    def _picture(self, deliveries: dict[str, Delivery], when: float) -> Picture:
        picture = Picture(self._site())
        if resources.PODS.name in deliveries:
            picture.nodes.learn_pods()
        picture.take(deliveries, when)
        return picture


def _check_listed(part: Part, *wanted: Resource) -> None:
    """Raises Denied where none of these may be listed: what is missing then is not gone."""
    if not any(resource.name in part.deliveries for resource in wanted):
        raise Denied(part.unread[0] if part.unread else f"{wanted[0].name} may not be listed")
