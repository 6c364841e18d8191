"""What drain, resume and reboot share: a node in the picture, its running jobs, its maintainer, its reading back."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from crashcart.backends.contract import Change, NodeMaintainer
from crashcart.backends.model import Job, Node
from crashcart.ops.powers import ClusterPowers
from crashcart.ops.protocol import TargetPlan

from .base import CannotAct, Changing, NodeProof, Scene, Seen, words
from .reasons import holder

PENDING_REBOOT = frozenset({"REBOOT_REQUESTED", "REBOOT_ISSUED"})


class NodeVerb(Changing):
    """Base of the verbs that change a node's service."""

    title: ClassVar[str]

    def power(self, powers: ClusterPowers) -> object | None:
        return powers.nodes

    def unavailable(self, target: str, scene: Scene) -> str | None:
        if scene.powers.nodes is None:
            return f"nothing in {scene.cluster.name} can {self.verb} nodes with this configuration"
        return self.refusal(scene.node(target), scene)

    @abstractmethod
    def refusal(self, node: Node, scene: Scene) -> str | None:
        """Why this node cannot be changed so now, or None."""

    @abstractmethod
    def change(self, node: str, maintainer: NodeMaintainer, scene: Scene) -> Change:
        """The one change of this verb. Pure."""

    @abstractmethod
    def judge(self, before: Node, after: Node, scene: Scene) -> Seen:
        """Whether what is read back is what was wanted. Pure."""

    def notes(self, node: Node, jobs: tuple[Job, ...], scene: Scene) -> tuple[str, ...]:
        """What the operator should know about this target."""
        return ()

    def warnings(self, node: Node, jobs: tuple[Job, ...], scene: Scene) -> tuple[str, ...]:
        """What the operator may regret about this target."""
        return ()

    def changes(self, target: str, scene: Scene) -> tuple[Change, ...]:
        maintainer = scene.powers.nodes
        if maintainer is None:
            raise CannotAct(f"nothing in {scene.cluster.name} can {self.verb} nodes")
        return (self.change(target, maintainer, scene),)

    async def preview(self, target: str, scene: Scene) -> TargetPlan:
        node, jobs = scene.node(target), self.touched_jobs(target, scene)
        return TargetPlan(
            target=target,
            commands=tuple(change.text for change in self.changes(target, scene)),
            state=words(node),
            notes=self.notes(node, jobs, scene),
            warnings=self.warnings(node, jobs, scene),
            held_by=holder(node, scene.signature),
        )

    def proof(self, target: str, scene: Scene) -> NodeProof:
        observer = scene.powers.observer
        if observer is None:
            raise CannotAct(f"nothing in {scene.cluster.name} can read nodes back")
        before = scene.node(target)
        return NodeProof(observer, target, lambda node: self.judge(before, node, scene))

    def touched_jobs(self, target: str, scene: Scene) -> tuple[Job, ...]:
        return scene.running[target]


def running_note(jobs: tuple[Job, ...]) -> str:
    """`2 jobs run on it: 41 (alice), 42 (bob)`, at most three of them named."""
    if not jobs:
        return "no job runs on it"
    named = ", ".join(f"{job.id} ({job.user})" for job in jobs[:3])
    more = f" and {len(jobs) - 3} more" if len(jobs) > 3 else ""
    return f"{len(jobs)} {'jobs run' if len(jobs) > 1 else 'job runs'} on it: {named}{more}"
