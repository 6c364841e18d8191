"""The pods of one node, asked for by name of the node, so that a look costs little in any cluster."""

from __future__ import annotations

from collections.abc import Sequence

from . import resources
from .asking import Asking
from .listing import list_all
from .shapes import RawPod

OVER = frozenset({"Succeeded", "Failed"})
"""Phases in which a pod holds nothing any more."""


class NodePods:
    """All pods of a node, called as Kubernetes calls it; only those of some namespaces where we may not see all."""

    def __init__(self, asking: Asking, node: str, namespaces: Sequence[str] = ()) -> None:
        self._asking = asking
        self._fields = f"spec.nodeName={node}"
        self._paths = [resources.PODS.path(one) for one in namespaces or ("",)]

    async def read(self) -> list[RawPod]:
        """The pods as they are now. Raises Unreachable, Denied, Malformed."""
        found: list[RawPod] = []
        for path in self._paths:
            client = self._asking.client
            listing = await self._asking.run(list_all, client, resources.PODS, path, fields=self._fields)
            found += listing.objects.values()
        return found
