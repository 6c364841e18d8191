"""Resume: take the node back into service."""

from __future__ import annotations

from crashcart.backends.contract import Change, NodeMaintainer
from crashcart.backends.model import Job, Node
from crashcart.ops.planes import KUBERNETES
from crashcart.ops.targets import fold

from .base import Scene, Seen, words
from .node_verb import PENDING_REBOOT, NodeVerb


class Resume(NodeVerb):
    """Proved when the node is neither drained nor down; slurmd does not answer for a second or two after a resume.

    An uncordon cannot bring a kubelet back, so there it is enough that the node is no longer cordoned.
    """

    verb = "resume"

    def refusal(self, node: Node, scene: Scene) -> str | None:
        if node.source == KUBERNETES and not node.is_draining:
            return f"{node.name} is {words(node)}: it is not cordoned, so there is nothing to resume"
        if node.is_draining or node.is_down or PENDING_REBOOT & set(node.flags):
            return None
        return f"{node.name} is {words(node)}: it is in service, there is nothing to resume"

    def change(self, node: str, maintainer: NodeMaintainer, scene: Scene) -> Change:
        return maintainer.resume(node)

    def warnings(self, node: Node, jobs: tuple[Job, ...], scene: Scene) -> tuple[str, ...]:
        if PENDING_REBOOT & set(node.flags):
            return ("a reboot is pending on it, and resuming cancels that reboot",)
        return ()

    def notes(self, node: Node, jobs: tuple[Job, ...], scene: Scene) -> tuple[str, ...]:
        return (f"its reason was: {node.reason}",) if node.reason else ()

    def judge(self, before: Node, after: Node, scene: Scene) -> Seen:
        seen = words(after)
        if after.source == KUBERNETES and not after.is_draining:
            return Seen("reached", seen, "it is not ready all the same" if after.is_down else "")
        if after.is_draining or after.is_down:
            return Seen("not yet", f"{seen}, reason: {after.reason or 'none'}")
        return Seen("reached", seen)

    def undo(self, scene: Scene, targets: tuple[str, ...]) -> str:
        return f"drain {fold(targets)} with a reason"
