"""Takes a node out of service and back, with who, why and when as annotations, bound to what the operator saw.

A node that changes between the look and the act is not touched. What the kubelet reports every few minutes is no such
change, though it moves the resourceVersion as well: then the same is tried on the newer version.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from crashcart.backends.contract import CommandResult

from .asking import Asking, decoded
from .cordoned_by import AT, BY, REASON
from .failures import NoAnswer
from .outcome import CHANGED, failed, judged
from .shapes import RawNode

NODES = "/api/v1/nodes"
_TRIES = 3
_CORDON_TAINT = "node.kubernetes.io/unschedulable"


def who(reason: str, prefix: str) -> str:
    """`alice` for a reason that begins `PREFIX:alice`, else its first word."""
    first = reason.split(" ", 1)[0]
    return first.removeprefix(f"{prefix}:") or first


def out_of_service(by: str, reason: str) -> dict[str, Any]:
    """The change that cordons now."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return _change({BY: by, REASON: reason, AT: stamp}, unschedulable=True)


def back_in_service() -> dict[str, Any]:
    """The change that uncordons, and takes our marks away."""
    return _change({BY: None, REASON: None, AT: None}, unschedulable=None)


async def change_node(asking: Asking, seen: RawNode | None, name: str, change: Mapping[str, Any]) -> CommandResult:
    """Change one node (by its own name) if it still is as it was seen. Raises Unreachable when nothing was sent."""
    path, what = f"{NODES}/{name}", f"node {name}"
    for _ in range(_TRIES):
        try:
            reply = await asking.patch(path, _bound(change, seen), what=what)
        except NoAnswer as error:
            return CommandResult("unknown", None, detail=str(error))
        if reply.status != 409 or seen is None:
            return judged(reply, asking.client, what)
        now = decoded(RawNode, (await asking.get(path, what=what)).body, what)
        if _is_so(now, change):
            return CommandResult("ok", None, detail=f"{what} is so already")
        if not _is_same(seen, now):
            return failed(f"{what} {CHANGED}")
        seen = now
    return failed(f"{what} {CHANGED}; it changes all the time")


def _change(annotations: dict[str, str | None], *, unschedulable: bool | None) -> dict[str, Any]:
    return {"metadata": {"annotations": annotations}, "spec": {"unschedulable": unschedulable}}


def _bound(change: Mapping[str, Any], seen: RawNode | None) -> dict[str, Any]:
    if seen is None:
        return dict(change)
    return {**change, "metadata": {**change["metadata"], "resourceVersion": seen.metadata.resource_version}}


def _is_same(before: RawNode, now: RawNode) -> bool:
    """Whether nothing has changed but what the kubelet reports of its health."""
    return _compared(before) == _compared(now)


def _compared(node: RawNode) -> tuple[object, ...]:
    """The taint that follows a cordon, seconds later, says nothing new."""
    taints = [taint for taint in node.spec.taints or () if taint.key != _CORDON_TAINT]
    meta = node.metadata
    return (meta.uid, meta.labels, meta.annotations, bool(node.spec.unschedulable), taints)


def _is_so(now: RawNode, change: Mapping[str, Any]) -> bool:
    wanted, marks = bool(change["spec"]["unschedulable"]), change["metadata"]["annotations"]
    has = now.metadata.annotations or {}
    return bool(now.spec.unschedulable) is wanted and all(has.get(key) == marks[key] for key in (BY, REASON))
