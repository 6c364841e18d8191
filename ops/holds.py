"""Who keeps a node out of service, and on which plane: a reason without its plane sends people to the wrong tool."""

from __future__ import annotations

from typing import NamedTuple

from crashcart.backends.model import Node

from .planes import sides


class Hold(NamedTuple):
    """What one plane says of why it does not use the node, or of what was noted there."""

    source: str
    word: str  # drained, cordoned, down, ...
    reason: str | None
    by: str | None
    at: float | None


def holds(node: Node) -> tuple[Hold, ...]:
    """One for each plane that does not use the node or has a reason for something, the leading plane first."""
    return tuple(
        Hold(side.source, side.word, side.reason, side.reason_by, side.reason_at)
        for side in sides(node)
        if side.is_draining or side.is_down or side.reason
    )


def reasons(node: Node) -> str | None:
    """All reasons in one text, each with its plane where several know the node; None where nobody says anything."""
    if not node.planes:
        return node.reason
    said = [f"{hold.source}: {hold.reason or f'{hold.word}, no reason given'}" for hold in holds(node)]
    return "; ".join(said) or None


def holders(node: Node) -> str | None:
    """Who it was, all of them; None where nobody says."""
    if not node.planes:
        return node.reason_by
    return ", ".join(dict.fromkeys(hold.by for hold in holds(node) if hold.by)) or None


def held_since(node: Node) -> float | None:
    """When the first of them began, Unix seconds."""
    return min((hold.at for hold in holds(node) if hold.at is not None), default=None)
