"""Which verbs can be offered for a selection, and why not, as far as the picture can tell.

This is a courtesy: the executor decides anew, from a fresh reading and the policy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from crashcart.backends.model import Job, Node
from crashcart.ops.planes import KUBERNETES, sides
from crashcart.ops.verbs import VERBS, Verb

from .selection import Selection
from .shown import Shown
from .states import job_word

READ_ONLY = "READ-ONLY: this session has no executor"


@dataclass(frozen=True, slots=True)
class Offer:
    """A verb for a selection; `why_not` is empty when it can be asked for."""

    verb: Verb
    selection: Selection
    why_not: str
    note: str = ""  # what is special about these, where it can be asked for


def offers(shown: Shown, selections: list[Selection], *, read_only: bool) -> list[Offer]:
    """All verbs for these selections, in the verbs' order."""
    return [
        Offer(
            verb, selection, READ_ONLY if read_only else _why_not(shown, verb, selection), _note(shown, verb, selection)
        )
        for selection in selections
        for verb in VERBS
        if verb.takes(selection.kind)
    ]


def _why_not(shown: Shown, verb: Verb, selection: Selection) -> str:
    if selection.cluster is None:
        return "the marked ones are in several clusters"
    keys = [f"{selection.cluster}/{target}" for target in selection.targets]
    if verb.name == "shell" and len(keys) != 1:
        return "one node at a time"
    if verb.takes("alert") or verb.takes("silence"):
        can_silence = any(
            cluster == selection.cluster and kind == "silence" for cluster, _, kind in shown.live.confirmed
        )
        return "" if can_silence else "this cluster has no Alertmanager"
    if selection.kind == "node":
        nodes = [shown.store.nodes[key] for key in keys if key in shown.store.nodes]
        if verb.name == "cordon" and not any(side.source == KUBERNETES for node in nodes for side in sides(node)):
            return "not in Kubernetes: a drain does the same"
        return _first(nodes, _NODE_RULES.get(verb.name), len(keys))
    jobs = [shown.store.jobs[key] for key in keys if key in shown.store.jobs]
    return _first(jobs, _JOB_RULES.get(verb.name), len(keys))


def _note(shown: Shown, verb: Verb, selection: Selection) -> str:
    """What the verb means for workloads of Kubernetes, and who else decides about them."""
    keys = [f"{selection.cluster}/{target}" for target in selection.targets] if selection.kind == "job" else []
    jobs = [shown.store.jobs[key] for key in keys if key in shown.store.jobs]
    if not jobs or any(job.workload is None for job in jobs):
        return ""
    managers = {job.managed_by for job in jobs}
    manager = managers.pop() if len(managers) == 1 else None
    if verb.name in ("requeue", "release") and manager is not None:
        return f"{manager} decides when it starts again"
    if verb.name in ("requeue", "requeue-hold") and any(job.requeueable is None for job in jobs):
        return "whether it can be suspended is not known"
    return _WORKLOAD_NOTES.get(verb.name, "")


def _first(things: list[Node] | list[Job], rule: Callable[..., str] | None, wanted: int) -> str:
    """The reason that holds for every one of the things: with mixed targets the preview says it one by one."""
    if not things or rule is None:
        return ""
    reasons = [rule(thing) for thing in things]
    return reasons[0] if all(reasons) and len(things) == wanted else ""


def _resume(node: Node) -> str:
    parts = sides(node)
    out = any(side.is_draining or side.is_down or side.word in ("reboot", "maint") for side in parts)
    return "" if out else "it is in service"


def _reboot(node: Node) -> str:
    return "a reboot is pending already" if node.word == "reboot" else ""


def _running(job: Job) -> str:
    return "" if job.is_running else "it is not running"


def _requeue(job: Job) -> str:
    if not job.is_running:
        return "it is not running"
    if job.requeueable is False and job.workload is not None:
        return f"a bare {job.workload}: nothing would make it again"
    return "its owner forbade requeueing" if job.requeueable is False else ""


def _hold(job: Job) -> str:
    if job.is_running and job.workload is not None:
        return "it runs, and a hold would stop it: requeue-hold does that"
    if not job.is_pending:
        return "only a waiting job can be held"
    return "it is held already" if job_word(job) == "held" else ""


def _release(job: Job) -> str:
    return "" if job_word(job) == "held" or job.state in ("REQUEUE_HOLD", "SPECIAL_EXIT") else "it is not held"


_WORKLOAD_NOTES = {
    "requeue": "suspended until its pods are gone, then resumed",
    "requeue-hold": "suspended, and stays so",
    "hold": "suspended",
    "release": "resumed",
}
_NODE_RULES: dict[str, Callable[[Node], str]] = {"resume": _resume, "reboot": _reboot}
_JOB_RULES: dict[str, Callable[[Job], str]] = {
    "requeue": _requeue,
    "requeue-hold": _requeue,
    "hold": _hold,
    "release": _release,
    "checkpoint": _running,
}
