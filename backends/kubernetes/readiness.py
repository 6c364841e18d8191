"""Which resources a kind of ours is made from, and so when it can be told for the first time."""

from __future__ import annotations

from collections.abc import Mapping

from crashcart.backends.entity import Kind

from .health import Health
from .resources import (
    BUDGETS,
    CLUSTER_QUEUES,
    EVENTS,
    JOB_SETS,
    JOBS,
    LOCAL_QUEUES,
    NODES,
    POD_GROUPS,
    PODS,
    VOLCANO_QUEUES,
    WORKLOADS,
    Resource,
)

NEEDED: Mapping[Kind, tuple[Resource, ...]] = {
    "node": (NODES,),
    "pod": (PODS,),
    "job": (PODS, JOBS, JOB_SETS, WORKLOADS, POD_GROUPS),
    "queue": (CLUSTER_QUEUES, LOCAL_QUEUES, VOLCANO_QUEUES),
    "budget": (BUDGETS,),
    "event": (EVENTS,),
}
_CORE = {PODS, JOBS}


def is_ready(kind: Kind, health: Health) -> bool:
    """Whether it is known of every resource what there is or why that cannot be known, and something is known.

    A kind of which nothing may be read is never listed: an empty list would say that there is none.
    """
    needed = NEEDED.get(kind, ())
    core = [resource for resource in needed if resource in _CORE] or needed
    return all(health.is_settled(resource.name) for resource in needed) and (
        not core or any(health.is_known(resource.name) for resource in core)
    )
