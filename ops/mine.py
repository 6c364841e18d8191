"""What one operator still holds: temporary or open things that nobody else will clear away.

Nodes with their signature, silences of theirs, requests that wait for a second person, actions without a known end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from crashcart.backends.model import Node, Silence

from .actions.reasons import is_ours
from .approvals import Posted
from .planes import sides
from .protocol import OpenAction
from .store import Store

Kind = Literal["node", "silence", "request", "unknown"]


@dataclass(frozen=True, slots=True)
class Held:
    """One thing, in words. `since` and `ends` are Unix seconds; None is not known, or no end."""

    kind: Kind
    cluster: str
    name: str
    text: str
    since: float | None = None
    ends: float | None = None


def held_by(
    store: Store, user: str, prefix: str, posted: Iterable[Posted] = (), open_actions: Iterable[OpenAction] = ()
) -> tuple[Held, ...]:
    """All that `user` holds, what ends or hurts first at the top."""
    signature = f"{prefix}:{user}"
    requests = [_request(one) for one in posted if one.request.requester == user]
    unknown = [_unknown(one) for one in open_actions if one.actor == user and one.state != "RUNNING"]
    silences = [_silence(one) for one in store.silences.values() if one.created_by == signature]
    nodes = [held for node in store.nodes.values() if (held := _node(node, signature)) is not None]
    alive = [held for held in silences if held is not None]
    return (
        *unknown,
        *requests,
        *sorted(alive, key=lambda held: held.ends or 0.0),
        *sorted(nodes, key=lambda held: (held.since or 0.0, held.name)),
    )


def others_requests(posted: Iterable[Posted], user: str) -> tuple[Posted, ...]:
    """Requests that wait for somebody else than whoever asked, which `user` may be."""
    return tuple(one for one in posted if one.request.requester != user)


def spoken(held: Iterable[Held]) -> str:
    """`2 nodes drained, 1 silence`; an empty text for nothing."""
    kinds = [one.kind for one in held]
    words: dict[Kind, tuple[str, str]] = {
        "unknown": ("action without a known end", "actions without a known end"),
        "request": ("request for a second person", "requests for a second person"),
        "node": ("node out of service", "nodes out of service"),
        "silence": ("silence", "silences"),
    }
    counts = [(kinds.count(kind), one, many) for kind, (one, many) in words.items()]
    return ", ".join(f"{count} {one if count == 1 else many}" for count, one, many in counts if count)


def _node(node: Node, signature: str) -> Held | None:
    for side in sides(node):
        if side.is_draining and is_ours(side.reason or "", signature):
            text = (side.reason or "")[len(signature) :].strip()
            return Held("node", node.cluster, node.name, f"{side.word}: {text}", since=side.reason_at)
    return None


def _silence(silence: Silence) -> Held | None:
    if silence.state == "expired":
        return None
    return Held("silence", silence.cluster, silence.id, silence.comment, silence.starts, silence.ends)


def _request(posted: Posted) -> Held:
    request = posted.request
    return Held("request", request.plan.cluster, request.id[:8], request.plan.title, request.created, request.expires)


def _unknown(action: OpenAction) -> Held:
    text = f"{action.verb} {', '.join(action.targets)}: {action.state}"
    return Held("unknown", action.cluster, action.action_id[:8], text, action.when)
