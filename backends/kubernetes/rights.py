"""Which rights each verb needs, as the API server names them."""

from __future__ import annotations

from collections.abc import Iterable

from .reviews import Right
from .workload_kinds import WORKLOAD, Place

_NODE_VERBS = frozenset({"drain", "cordon", "resume"})
_SUSPENDING = frozenset({"requeue", "requeue-hold", "hold", "release"})


def node_rights(verb: str, own_name: str, namespaces: Iterable[str]) -> tuple[Right, ...]:
    """For a verb on a node whose pods are in these namespaces; none for verbs that do not go through the API."""
    if verb not in _NODE_VERBS:
        return ()
    rights = [Right("patch", "nodes", name=own_name)]
    if verb == "drain":
        rights += [Right("create", "pods/eviction", namespace=namespace) for namespace in sorted(namespaces)]
    return tuple(rights)


def job_rights(verb: str, place: Place, workload: str) -> tuple[Right, ...]:
    """For a verb on a workload; `workload` is the name of Kueue's Workload for it, "" without one."""
    kind, namespace = place.kind, place.namespace
    match verb:
        case "checkpoint":
            return tuple(Right(one, "pods/exec", namespace=namespace) for one in ("get", "create"))
        case "logs":
            return (Right("get", "pods/log", namespace=namespace),)
        case "cancel":
            return (Right("delete", kind.resource, kind.group, namespace, place.name),)
        case _ if verb not in _SUSPENDING:
            return ()
    if workload:
        return (Right("patch", WORKLOAD.resource, WORKLOAD.group, namespace, workload),)
    return (Right("patch", kind.resource, kind.group, namespace, place.name),)
