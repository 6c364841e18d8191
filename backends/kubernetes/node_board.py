"""Nodes with what their pods take of them."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from crashcart.backends.model import Node

from .inbox import Objects
from .nodes import Use, in_use, node_of
from .pods import PodFact
from .showing import Showing
from .site import Site


class NodeBoard:
    """Nodes by the name that the API has for them, and pods by the name that we have for nodes."""

    def __init__(self, site: Site) -> None:
        self.showing = Showing("node", site.cluster)
        self.knows_pods = False
        self._site = site
        self._nodes: dict[str, Node] = {}
        self._called: dict[str, str] = {}  # our name -> the API's
        self._pods: dict[str, dict[str, PodFact]] = {}
        self._dirty: set[str] = set()

    @property
    def known(self) -> set[str]:
        """Keys in the API."""
        return set(self._nodes)

    def take(self, changes: Objects, when: float) -> None:
        """Nodes that changed or went (None)."""
        for key, raw in changes.items():
            old = self._nodes.pop(key, None)
            node = None if raw is None else node_of(raw, self._site, old.when if old is not None else when)
            if node is not None and self._called.get(node.name, key) != key:
                node = None  # node_rules give it the name of another one
            if node is not None:
                self._nodes[key] = node
                if node == old:
                    continue  # a heartbeat
                self._nodes[key] = msgspec.structs.replace(node, when=when)
            self._site.leave_out("node", key, is_left_out=raw is not None and node is None)
            if old is not None:
                self._called.pop(old.name, None)
                self._dirty.add(old.name)
            if node is not None:
                self._called[node.name] = key
                self._dirty.add(node.name)

    def place(self, key: str, old: PodFact | None, new: PodFact | None) -> None:
        """A pod came, went or moved."""
        if old is not None and old.node is not None:
            self._pods.get(old.node, {}).pop(key, None)
            self._dirty.add(old.node)
        if new is not None and new.node is not None:
            self._pods.setdefault(new.node, {})[key] = new
            self._dirty.add(new.node)

    def learn_pods(self) -> None:
        """Pods are listed: what they take is known from now on."""
        if not self.knows_pods:
            self.knows_pods = True
            self._dirty.update(self._called)

    def refresh(self) -> None:
        """Bring what is shown up to date."""
        for name in self._dirty:
            called = self._called.get(name)
            if called is None:
                self.showing.drop(f"{self._site.cluster}/{name}")
            else:
                use = _use(self._pods.get(name, {}).values()) if self.knows_pods else None
                self.showing.put(in_use(self._nodes[called], use))
        self._dirty.clear()


def _use(pods: Iterable[PodFact]) -> Use:
    gpus, cpus, movable = 0, 0.0, 0
    for fact in pods:
        gpus += fact.pod.gpus
        cpus += fact.cpus
        movable += not (fact.pod.is_daemon or fact.pod.is_mirror)
    return Use(gpus, cpus, movable)
