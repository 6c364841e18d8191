"""`pods/binding`: how a scheduler places a pod."""

from __future__ import annotations

from .requests import Reply, Request
from .resources import PODS
from .status import conflict, success
from .store import Store, Stored
from .strategies import timestamp
from .writes import found


def bind(store: Store, request: Request) -> Reply:
    """201, or a conflict when the pod is already somewhere."""
    with store.lock:
        row = found(store, PODS, request)
        if row.value["spec"].get("nodeName"):
            why = f'pod {request.place.name} is already assigned to node "{row.value["spec"]["nodeName"]}"'
            raise conflict("", "pods/binding", request.place.name, why)
        if not request.is_dry_run:
            place(store, row, request.json()["target"]["name"])
    return Reply.of(success(code=201), 201)


def place(store: Store, row: Stored, node: str) -> Stored:
    """Give the pod to a node."""
    pod = row.value
    status = pod.get("status") or {}
    others = [one for one in status.get("conditions") or [] if one["type"] != "PodScheduled"]
    scheduled = {"type": "PodScheduled", "status": "True", "lastProbeTime": None, "lastTransitionTime": timestamp()}
    status = {**status, "conditions": [*others, scheduled]}
    return store.put(PODS, {**pod, "spec": {**pod["spec"], "nodeName": node}, "status": status})
