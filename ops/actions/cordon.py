"""Cordon: no new work on the node, whatever schedules there; everything on it goes on."""

from __future__ import annotations

from crashcart.backends.contract import Change, NodeMaintainer
from crashcart.backends.model import Job, Node
from crashcart.ops.targets import fold

from .base import Scene, Seen, words
from .node_verb import NodeVerb, running_note
from .reasons import is_ours, written_reason


class Cordon(NodeVerb):
    """Proved when every plane has the node out of service, with the reason that was written."""

    verb = "cordon"

    def refusal(self, side: Node, scene: Scene) -> str | None:
        return None

    def change(self, node: str, maintainer: NodeMaintainer, scene: Scene) -> Change:
        return maintainer.drain(node, written_reason(scene))

    def notes(self, node: Node, jobs: tuple[Job, ...], scene: Scene) -> tuple[str, ...]:
        known = [running_note(jobs) + ("; they run to their end" if jobs else "")]
        if node.is_draining and node.reason and is_ours(node.reason, scene.signature):
            known.append("you have drained it already; only the reason changes")
        return tuple(known)

    def judge(self, before: Node, after: Node, scene: Scene) -> Seen:
        seen = f"{words(after)}, reason: {after.reason or 'none'}"
        if not after.is_draining:
            return Seen("not yet", seen)
        if not (after.reason or "").startswith(written_reason(scene)):
            return Seen("not yet", seen, "it is out of service, but the reason is not the one that was written")
        return Seen("reached", seen)

    def undo(self, scene: Scene, targets: tuple[str, ...]) -> str:
        return f"resume {fold(targets)}"
