"""The reason written at a drained node is an interface: `crashcart:alice INC-1 xid 79` says who holds it and why.

Health checkers preserve reasons that are not theirs, and slurmctld itself only records the shared account, so the human
is in the text. A reason of anybody else is never overwritten or cleared without a second confirmation.
"""

from __future__ import annotations

from crashcart.backends.errors import BadIdentifier
from crashcart.backends.model import Node
from crashcart.backends.text import clean
from crashcart.backends.text import reason as checked_reason

from .base import BadParams, Scene


def written_reason(scene: Scene) -> str:
    """`PREFIX:ACTOR TICKET TEXT`. Raises BadParams when it is missing or may not be written."""
    text = scene.params.get("reason", "").strip()
    if not text:
        raise BadParams("a reason is needed: say why, for whoever finds the node next")
    parts = (scene.signature, scene.params.get("ticket", "").strip(), text)
    try:
        return checked_reason(" ".join(part for part in parts if part))
    except BadIdentifier as error:
        raise BadParams(str(error)) from error


def is_ours(reason: str, signature: str) -> bool:
    """Whether this operator wrote the reason."""
    return reason == signature or reason.startswith(f"{signature} ")


def holder(node: Node, signature: str) -> str | None:
    """Who else holds the node, in words; None when nobody does or it is this operator.

    A node in service is held by nobody: Slurm 24.11 leaves the old reason there after a resume. Kubernetes may know who
    cordoned a node and not why.
    """
    if not (node.is_draining or node.is_down) or not (node.reason or node.reason_by):
        return None
    if is_ours(node.reason or "", signature):
        return None
    reason = clean(node.reason or "gave no reason", limit=200)
    return f"{clean(node.reason_by, limit=60)}: {reason}" if node.reason_by else reason
