"""What a policy scope `CLUSTER/PARTITION/NAME` means for each kind of target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from crashcart.backends.model import Alert, Job, Node

from .actions.alert_verb import UNTIL
from .alert_subjects import node_names
from .identity import NodeNames
from .policy import PolicyTarget
from .verbs import TargetKind


class Places(Protocol):
    """Where things stand, by their bare names."""

    @property
    def kind(self) -> TargetKind: ...

    @property
    def nodes(self) -> Mapping[str, Node]: ...

    @property
    def jobs(self) -> Mapping[str, Job]: ...

    @property
    def alerts(self) -> Mapping[str, Alert]: ...

    @property
    def names(self) -> NodeNames: ...


def policy_target(name: str, places: Places) -> PolicyTarget:
    """The target with the node name and the partitions that scopes are compared with.

    An alert stands where the node it is about stands, or under its own name; a rack in all partitions of its nodes.
    """
    match places.kind:
        case "node" if name in places.nodes:
            return PolicyTarget(name, places.nodes[name].partitions)
        case "job" if name in places.jobs:
            return PolicyTarget(name, tuple((places.jobs[name].partition or "").split(",")))
        case "alert" if name in places.alerts:
            alert = places.alerts[name]
            about = next(iter(node_names(alert, places.names).values()), alert.name)
            node = places.nodes.get(about)
            return PolicyTarget(name, node.partitions if node else (), about)
        case "rack":
            nodes = [node for node in places.nodes.values() if node.rack == name]
            return PolicyTarget(name, tuple(sorted({partition for node in nodes for partition in node.partitions})))
        case _:
            return PolicyTarget(name)


def silence_seconds(params: Mapping[str, str], now: float) -> float | None:
    """How long a silence with these parameters lasts from now; None for what is no silence."""
    return float(params[UNTIL]) - now if UNTIL in params else None
