"""A cordoned node gets the taint that says so, and loses it with the cordon; its other taints stay."""

from __future__ import annotations

from typing import Any

from .following import Following
from .resources import NODES
from .store import Store
from .strategies import timestamp

Object = dict[str, Any]

CORDON_TAINT = "node.kubernetes.io/unschedulable"


class NodeTaints:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._nodes = Following(store, NODES)

    def step(self, now: float) -> float | None:
        """Look at nodes that changed."""
        for change in self._nodes.news():
            if change.new is not None:
                self._tend(change.new.value["metadata"]["name"])
        return None

    def _tend(self, name: str) -> None:
        with self._store.lock:
            row = self._store.get(NODES, ("", name))
            if row is None:
                return
            spec = row.value.get("spec") or {}
            taints: list[Object] = list(spec.get("taints") or [])
            is_tainted = any(taint["key"] == CORDON_TAINT for taint in taints)
            if bool(spec.get("unschedulable")) == is_tainted:
                return
            if is_tainted:
                taints = [taint for taint in taints if taint["key"] != CORDON_TAINT]
            else:
                taints.append({"key": CORDON_TAINT, "effect": "NoSchedule", "timeAdded": timestamp()})
            rest = {key: part for key, part in spec.items() if key != "taints"}
            self._store.put(NODES, {**row.value, "spec": rest | ({"taints": taints} if taints else {})})
