"""What drain, cordon, resume and reboot share: a node, its side on every plane that knows it, and reading back."""

from __future__ import annotations

from abc import abstractmethod

from crashcart.backends.contract import Change, NodeMaintainer
from crashcart.backends.model import Job, Node
from crashcart.ops.planes import sides
from crashcart.ops.protocol import TargetPlan

from .base import CannotAct, Changing, NodeProof, Scene, Seen, words
from .reasons import holder

PENDING_REBOOT = frozenset({"REBOOT_REQUESTED", "REBOOT_ISSUED"})


class NodeVerb(Changing):
    """Base of the verbs that change a node's service, on every plane where there is something to change."""

    def power(self, target: str, scene: Scene) -> object | None:
        return scene.powers.maintainer(scene.node(target).source)

    def unavailable(self, target: str, scene: Scene) -> str | None:
        node = scene.node(target)
        reasons = [self._why_not(side, scene) for side in sides(node)]
        if None in reasons:
            return None
        if len(reasons) == 1:
            return reasons[0]
        return "; ".join(f"{side.source}: {why}" for side, why in zip(sides(node), reasons, strict=True))

    def _why_not(self, side: Node, scene: Scene) -> str | None:
        if scene.powers.maintainer(side.source) is None:
            return f"nothing in {scene.cluster.name} can {self.verb} nodes of {side.source} with this configuration"
        return self.refusal(side, scene)

    @abstractmethod
    def refusal(self, side: Node, scene: Scene) -> str | None:
        """Why the node cannot be changed so on this plane now, or None."""

    @abstractmethod
    def change(self, node: str, maintainer: NodeMaintainer, scene: Scene) -> Change:
        """The one change of this verb on one plane. Pure."""

    @abstractmethod
    def judge(self, before: Node, after: Node, scene: Scene) -> Seen:
        """Whether what is read back on one plane is what was wanted there. Pure."""

    def more_changes(self, node: Node, scene: Scene) -> tuple[Change, ...]:
        """What comes after the changes of all planes. Pure."""
        return ()

    def notes(self, node: Node, jobs: tuple[Job, ...], scene: Scene) -> tuple[str, ...]:
        """What the operator should know about this target."""
        return ()

    def warnings(self, node: Node, jobs: tuple[Job, ...], scene: Scene) -> tuple[str, ...]:
        """What the operator may regret about this target."""
        return ()

    async def asked(self, node: Node, scene: Scene) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Notes and warnings for which the cluster must be asked. Raises BackendError."""
        return (), ()

    def changed_sides(self, node: Node, scene: Scene) -> tuple[Node, ...]:
        """The sides on which there is something to change."""
        return tuple(side for side in sides(node) if self._why_not(side, scene) is None)

    def changes(self, target: str, scene: Scene) -> tuple[Change, ...]:
        node = scene.node(target)
        return (
            *(self.change(target, _maintainer(side, scene), scene) for side in self.changed_sides(node, scene)),
            *self.more_changes(node, scene),
        )

    async def preview(self, target: str, scene: Scene) -> TargetPlan:
        node, jobs = scene.node(target), self.touched_jobs(target, scene)
        notes, warnings = await self.asked(node, scene)
        return TargetPlan(
            target=target,
            commands=tuple(change.text for change in self.changes(target, scene)),
            state=_state(node),
            notes=(*self._left_alone(node, scene), *self.notes(node, jobs, scene), *notes),
            warnings=(*self.warnings(node, jobs, scene), *warnings),
            held_by=_holders(self.changed_sides(node, scene), scene.signature),
        )

    def _left_alone(self, node: Node, scene: Scene) -> tuple[str, ...]:
        """The planes on which nothing is done, and why."""
        reasons = ((side, self._why_not(side, scene)) for side in sides(node))
        return tuple(f"nothing to do in {side.source}: {why}" for side, why in reasons if why is not None)

    def proof(self, target: str, scene: Scene) -> NodeProof:
        observer = scene.powers.observer
        if observer is None:
            raise CannotAct(f"nothing in {scene.cluster.name} can read nodes back")
        before = self.changed_sides(scene.node(target), scene) or sides(scene.node(target))

        def judge(node: Node) -> Seen:
            return _together([self._judged(side, node, scene) for side in before])

        return NodeProof(observer, target, judge)

    def _judged(self, before: Node, after: Node, scene: Scene) -> tuple[str, Seen]:
        side = next((side for side in sides(after) if side.source == before.source), None)
        if side is None:
            return before.source, Seen("not yet", "not read", f"{before.source} could not be read")
        return before.source, self.judge(before, side, scene)

    def touched_jobs(self, target: str, scene: Scene) -> tuple[Job, ...]:
        return scene.running[target]


def _maintainer(side: Node, scene: Scene) -> NodeMaintainer:
    found = scene.powers.maintainer(side.source)
    if found is None:
        raise CannotAct(f"nothing in {scene.cluster.name} can change nodes of {side.source}")
    return found


def _state(node: Node) -> str:
    parts = sides(node)
    return words(node) if len(parts) == 1 else ", ".join(f"{part.source}: {words(part)}" for part in parts)


def _holders(parts: tuple[Node, ...], signature: str) -> str | None:
    """Everybody else who holds the node, on any plane."""
    held = {part.source: by for part in parts if (by := holder(part, signature)) is not None}
    if len(parts) == 1:
        return next(iter(held.values()), None)
    return "; ".join(f"{source}: {by}" for source, by in held.items()) or None


def _together(judged: list[tuple[str, Seen]]) -> Seen:
    """One verdict over all planes: reached when every one is, impossible when any is."""
    if len(judged) == 1:
        return judged[0][1]
    text = ", ".join(f"{source}: {seen.text}" for source, seen in judged)
    detail = "; ".join(f"{source}: {seen.detail}" for source, seen in judged if seen.detail)
    outcomes = {seen.outcome for _, seen in judged}
    if "impossible" in outcomes:
        return Seen("impossible", text, detail)
    return Seen("reached" if outcomes == {"reached"} else "not yet", text, detail)


def running_note(jobs: tuple[Job, ...]) -> str:
    """`2 jobs run on it: 41 (alice), 42 (bob)`, at most three of them named."""
    if not jobs:
        return "no job runs on it"
    named = ", ".join(f"{job.id} ({job.user})" for job in jobs[:3])
    more = f" and {len(jobs) - 3} more" if len(jobs) > 3 else ""
    return f"{len(jobs)} {'jobs run' if len(jobs) > 1 else 'job runs'} on it: {named}{more}"
