"""Drain: no new work on the node; Slurm's jobs run to their end, Kubernetes' pods are moved off as budgets allow."""

from __future__ import annotations

from collections.abc import Mapping

from crashcart.backends.contract import Change, Evictor
from crashcart.backends.model import Job, Node
from crashcart.backends.pods import Pod, PodHit
from crashcart.ops.planes import KUBERNETES, sides

from .base import BadParams, Scene, Seen
from .cordon import Cordon
from .node_verb import running_note

EVICT = "evict"
MINUTES = "minutes"
USUAL_MINUTES = 10
MOST_MINUTES = 240
NAMED_PODS = 6
_FINISHED = frozenset({"SUCCEEDED", "FAILED"})


class Drain(Cordon):
    """Proved when every plane has the node out of service and no GPU is held there by a pod that can be moved.

    `evict` is `yes`, `no` or `once`: whether pods are moved, and whether a blocked one is tried again for `minutes`.
    """

    verb = "drain"
    params = frozenset({EVICT, MINUTES})

    def check_params(self, params: Mapping[str, str]) -> None:
        super().check_params(params)
        if params.get(EVICT, "yes") not in ("yes", "no", "once"):
            raise BadParams(f"{EVICT} is yes, no or once")
        minutes = params.get(MINUTES, "1")
        if not (minutes.isdecimal() and 0 < int(minutes) <= MOST_MINUTES):
            raise BadParams(f"{MINUTES} is a number from 1 to {MOST_MINUTES}")

    def loses(self, job: Job, scene: Scene) -> bool:
        return job.source == KUBERNETES and evicts(scene)

    def notes(self, node: Node, jobs: tuple[Job, ...], scene: Scene) -> tuple[str, ...]:
        moved = [job for job in jobs if self.loses(job, scene)]
        if not moved:
            return super().notes(node, jobs, scene)
        stay = tuple(job for job in jobs if job not in moved)
        return (f"{running_note(stay)}; they run to their end",) if stay else ()

    def more_changes(self, node: Node, scene: Scene) -> tuple[Change, ...]:
        evictor, pods = _evictor(node, scene), movable(node, scene)
        if evictor is None or not pods or not evicts(scene):
            return ()
        minutes = int(scene.params.get(MINUTES, str(USUAL_MINUTES)))
        return (evictor.evict(node.name, pods, seconds=minutes * 60.0, once=scene.params.get(EVICT) == "once"),)

    async def asked(self, node: Node, scene: Scene) -> tuple[tuple[str, ...], tuple[str, ...]]:
        evictor = _evictor(node, scene)
        if evictor is None or not evicts(scene):
            return (), ()
        return _words_of(await evictor.pods_on(node.name))

    def judge(self, before: Node, after: Node, scene: Scene) -> Seen:
        seen = super().judge(before, after, scene)
        if seen.outcome != "reached" or after.source != KUBERNETES or not evicts(scene):
            return seen
        staying = sum(pod.gpus for pod in _pods(before, scene) if not _is_movable(pod))
        held = (after.gpus_used or 0) - staying
        if held > 0:
            return Seen("not yet", f"{seen.text}, {held} GPUs held by pods", "pods that hold GPUs are still there")
        return seen


def evicts(scene: Scene) -> bool:
    """Whether this drain moves pods."""
    return scene.params.get(EVICT, "yes") != "no"


def movable(node: Node, scene: Scene) -> tuple[Pod, ...]:
    """The pods of the node that a drain moves: not those of DaemonSets, of the kubelet itself, and finished ones."""
    return tuple(pod for pod in _pods(node, scene) if _is_movable(pod))


def _pods(node: Node, scene: Scene) -> tuple[Pod, ...]:
    return tuple(pod for pod in scene.picture.pods if pod.node == node.name)


def _is_movable(pod: Pod) -> bool:
    return not pod.is_daemon and not pod.is_mirror and pod.phase not in _FINISHED


def _evictor(node: Node, scene: Scene) -> Evictor | None:
    return next((found for side in sides(node) if (found := scene.powers.evictor(side.source))), None)


def _words_of(hits: tuple[PodHit, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Notes and warnings: what goes, what stays, what is blocked and by which numbers."""
    notes: list[str] = []
    going = [hit for hit in hits if hit.outcome == "evicts"]
    notes += [f"evicts {_name(hit)}" for hit in going[:NAMED_PODS]]
    if len(going) > NAMED_PODS:
        notes.append(f"and {len(going) - NAMED_PODS} more pods")
    if staying := sum(hit.outcome == "stays" for hit in hits):
        notes.append(f"{staying} {'pod stays' if staying == 1 else 'pods stay'}: DaemonSets and static pods")
    warnings = [f"{hit.outcome}: {_name(hit)}" for hit in hits if hit.outcome in ("blocked", "refused")]
    return tuple(notes), tuple(warnings)


def _name(hit: PodHit) -> str:
    gpus = f", {hit.pod.gpus} GPUs" if hit.pod.gpus else ""
    return f"{hit.pod.namespace}/{hit.pod.name}{gpus}" + (f": {hit.why}" if hit.why else "")
