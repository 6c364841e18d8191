"""The table `[cluster.NAME.smi]`."""

from __future__ import annotations

import msgspec
from ClusterShell.NodeSet import NodeSet, NodeSetParseError

_BOUNDS = {
    "interval_seconds": (1.0, 3600.0),
    "timeout_seconds": (1.0, 25.0),
    "at_once": (1, 256),
}


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which nodes are asked, and how often. Times are seconds.

    `nodes` (`gpu[001-064]`) bounds who may be asked; with `always` all of them are asked at each turn, without it only
    those that somebody looks at. At most `at_once` nodes are asked at the same time.
    """

    interval_seconds: float = 10.0
    timeout_seconds: float = 15.0
    at_once: int = 16
    nodes: str | None = None
    always: bool = False

    def __post_init__(self) -> None:
        for name, (least, most) in _BOUNDS.items():
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"{name}: between {least:g} and {most:g}")
        if self.always and not self.nodes:
            raise ValueError("always: needs nodes, the set of nodes to ask")
        try:
            NodeSet(self.nodes or "")
        except NodeSetParseError as error:
            raise ValueError(f"nodes: {error}") from error
