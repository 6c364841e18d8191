"""Reboot: when the node is empty, then back into service."""

from __future__ import annotations

from crashcart.backends.contract import Change, NodeMaintainer
from crashcart.backends.model import Job, Node
from crashcart.ops.planes import KUBERNETES, sides
from crashcart.ops.targets import fold

from .base import Scene, Seen, words
from .node_verb import PENDING_REBOOT, NodeVerb, running_note
from .reasons import written_reason


class Reboot(NodeVerb):
    """Proved when the scheduler has the reboot pending or the boot time has changed; the boot itself takes minutes."""

    verb = "reboot"

    def refusal(self, node: Node, scene: Scene) -> str | None:
        if node.source == KUBERNETES:
            return "nothing reboots nodes through the Kubernetes API"
        if PENDING_REBOOT & set(node.flags):
            return f"a reboot of {node.name} is pending already: {words(node)}"
        others = [side for side in sides(scene.node(node.name)) if side.source != node.source and not side.is_draining]
        return f"{others[0].source} still places work on it: drain it first" if others else None

    def change(self, node: str, maintainer: NodeMaintainer, scene: Scene) -> Change:
        return maintainer.reboot(node, written_reason(scene))

    def notes(self, node: Node, jobs: tuple[Job, ...], scene: Scene) -> tuple[str, ...]:
        if jobs:
            return (f"{running_note(jobs)}; the reboot waits for them and no new work starts",)
        return (f"{running_note(jobs)}; it reboots at once",)

    def warnings(self, node: Node, jobs: tuple[Job, ...], scene: Scene) -> tuple[str, ...]:
        known = ["a reboot wipes dmesg and GPU state: capture evidence first"]
        if node.is_draining:
            known.append("it is drained now and comes back into service after the reboot")
        return tuple(known)

    def judge(self, before: Node, after: Node, scene: Scene) -> Seen:
        if before.boot_time is not None and after.boot_time is not None and after.boot_time > before.boot_time:
            return Seen("reached", f"{words(after)}, booted anew")
        if "REBOOT_ISSUED" in after.flags:
            return Seen("reached", words(after), "the reboot has begun")
        if "REBOOT_REQUESTED" in after.flags:
            return Seen("reached", words(after), "the reboot waits for running jobs")
        return Seen("not yet", words(after))

    def undo(self, scene: Scene, targets: tuple[str, ...]) -> str:
        return f"nothing once it has begun; before that: resume {fold(targets)}"
