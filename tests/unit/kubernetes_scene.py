"""Objects of an API server, delivered to a picture as the readers would."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from crashcart.backends.contract import Context
from crashcart.backends.http.server_clock import ServerClock
from crashcart.backends.kubernetes import BACKEND, resources
from crashcart.backends.kubernetes.inbox import Inbox
from crashcart.backends.kubernetes.listing import key_of
from crashcart.backends.kubernetes.picture import Picture
from crashcart.backends.kubernetes.resources import Resource
from crashcart.backends.kubernetes.site import Site
from crashcart.backends.model import Job, Node
from crashcart.backends.pods import Pod
from crashcart.ops.links import SessionLinks
from crashcart.ops.session import ClusterSession

Object = dict[str, Any]
T = TypeVar("T")

NOW = 1_795_000_000.0
RESOURCES: dict[tuple[str, str], Resource] = {
    ("v1", "Node"): resources.NODES,
    ("v1", "Pod"): resources.PODS,
    ("v1", "Event"): resources.EVENTS,
    ("batch/v1", "Job"): resources.JOBS,
    ("policy/v1", "PodDisruptionBudget"): resources.BUDGETS,
    ("jobset.x-k8s.io/v1alpha2", "JobSet"): resources.JOB_SETS,
    ("kueue.x-k8s.io/v1beta2", "Workload"): resources.WORKLOADS,
    ("kueue.x-k8s.io/v1beta2", "ClusterQueue"): resources.CLUSTER_QUEUES,
    ("kueue.x-k8s.io/v1beta2", "LocalQueue"): resources.LOCAL_QUEUES,
    ("scheduling.volcano.sh/v1beta1", "Queue"): resources.VOLCANO_QUEUES,
    ("scheduling.volcano.sh/v1beta1", "PodGroup"): resources.POD_GROUPS,
}


def site(rules: tuple[tuple[str, str], ...] = (), **options: Any) -> Site:
    """A site called `lab` whose server has our clock."""
    links = SessionLinks(ClusterSession("lab", node_rules=rules))
    context: Context = links.context(BACKEND.options(**options))
    return Site(context, ServerClock())


def resource_of(value: Object) -> Resource:
    """What lists this object."""
    return RESOURCES[value["apiVersion"], value["kind"]]


def shaped(value: Object) -> Any:
    """The object as it is decoded from a body."""
    return msgspec.json.decode(msgspec.json.encode(value), type=resource_of(value).shape)


def stamp(when: float) -> str:
    """As the API writes times."""
    return datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Scene:
    """A picture, and one way to change it."""

    def __init__(self, *objects: Object, where: Site | None = None, now: float = NOW) -> None:
        self.site = where or site()
        self.picture = Picture(self.site)
        self.picture.nodes.learn_pods()
        self.inbox = Inbox()
        self.now = now
        self.list(objects)

    def list(self, objects: Iterable[Object]) -> None:
        """These are all objects there are."""
        by_name: dict[str, dict[str, Any]] = {resource.name: {} for resource in RESOURCES.values()}
        for value in objects:
            thing = shaped(value)
            by_name[resource_of(value).name][key_of(thing)] = thing
        for name, things in by_name.items():
            self.inbox.listed(name, "", things)
        self.picture.take(self.inbox.take(), self.now)

    def change(self, *objects: Object, gone: Iterable[Object] = ()) -> None:
        """These came or changed, those went."""
        for value in objects:
            self.inbox.changed(resource_of(value).name, {key_of(shaped(value)): shaped(value)})
        for value in gone:
            self.inbox.changed(resource_of(value).name, {key_of(shaped(value)): None})
        self.picture.take(self.inbox.take(), self.now)

    @property
    def nodes(self) -> dict[str, Node]:
        return {one.name: one for one in self.picture.entities("node") if isinstance(one, Node)}

    @property
    def jobs(self) -> dict[str, Job]:
        return {one.id: one for one in self.picture.entities("job") if isinstance(one, Job)}

    @property
    def pods(self) -> dict[str, Pod]:
        return {one.name: one for one in self.picture.entities("pod") if isinstance(one, Pod)}
