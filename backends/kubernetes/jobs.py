"""One job from all that is known of it: its pods, what declares it, and what decides when it runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from crashcart.backends.errors import BadIdentifier
from crashcart.backends.model import Job
from crashcart.backends.text import clean, user_name

from .declared import Declared, Gate, Place
from .folding import fold
from .owners import job_name
from .pending import grouped
from .pods import PodFact
from .site import SOURCE, Site

COMPLETED_SECONDS = 3600.0
FAILED_SECONDS = 12 * 3600.0
"""How long jobs stay in the picture after their end: a night for those that failed."""


class Known:
    """Everything about one job; `pods` are those that still exist."""

    def __init__(self, place: Place, pods: Sequence[PodFact], declared: Declared | None, gate: Gate | None) -> None:
        self.place = place
        self.pods = pods
        self.declared = declared
        self.gate = gate
        self.live = [fact for fact in pods if not fact.is_over]

    @property
    def gpus(self) -> int:
        """GPUs that it has, or would have."""
        held = sum([fact.pod.gpus for fact in self.live])
        return max(held, self.declared.gpus if self.declared is not None else 0)

    @property
    def wants_gpus(self) -> bool:
        return self.gpus > 0 or any(fact.pod.gpus for fact in self.pods)

    def in_phase(self, phase: str) -> list[PodFact]:
        return [fact for fact in self.live if fact.pod.phase == phase]


def job_of(known: Known, site: Site, when: float) -> Job | None:
    """The job, or None when it wants no GPUs, is long over, or has a name that is no identifier."""
    if not known.wants_gpus:
        return None
    namespace, owner = known.place
    try:
        job_id, account = job_name(namespace, owner), user_name(namespace)
    except BadIdentifier:
        return None
    state, declared, gate = _state(known), known.declared, known.gate
    if _is_past(state, known, when):
        return None
    first = known.live[0] if known.live else known.pods[0] if known.pods else None
    gpu_map = _gpu_map(known.live)
    nodes = {fact.node for fact in known.live if fact.node is not None}
    return Job(
        cluster=site.cluster,
        source=SOURCE,
        when=when,
        id=job_id,
        raw_id=clean((declared.uid if declared else first.uid if first else "") or job_id, limit=300),
        name=owner.name,
        user=(declared and declared.user) or (first and first.user) or account,
        account=account,
        partition=(gate and gate.queue) or (declared and declared.queue) or (first and first.queue) or account,
        qos=(declared and declared.qos) or (first and first.qos) or None,
        state=state,
        reason=_reason(known, state),
        node_list=fold(nodes),
        node_count=len(nodes) or None,
        gpus=known.gpus,
        gpu_map=gpu_map,
        requeueable=_is_requeueable(known),
        restarts=_restarts(known),
        priority=gate.priority if gate and gate.priority is not None else first.pod.priority if first else None,
        submit_time=declared.submitted if declared else _earliest([fact.pod.created for fact in known.pods]),
        start_time=_start(known) if state in ("RUNNING", "COMPLETING", "COMPLETED", "FAILED") else None,
        end_time=declared.ended if declared else None,
        time_limit_seconds=declared.limit_seconds if declared else None,
        comment=(declared and declared.comment) or (first and first.comment) or None,
        workload=owner.kind,
        managed_by=gate.by if gate else None,
    )


def _state(known: Known) -> str:
    declared, gate = known.declared, known.gate
    if declared is not None and declared.verdict is not None:
        return declared.verdict
    for phase, state in (("RUNNING", "RUNNING"), ("UNKNOWN", "RUNNING"), ("TERMINATING", "COMPLETING")):
        if known.in_phase(phase):
            return state
    if known.live:
        return "PENDING"
    if gate is not None and not gate.is_open:
        return "SUSPENDED" if gate.is_held else "PENDING"
    if declared is not None:
        return "SUSPENDED" if declared.suspended else "PENDING"
    return "FAILED" if any(fact.pod.phase == "FAILED" for fact in known.pods) else "COMPLETED"


def _reason(known: Known, state: str) -> str | None:
    declared, gate = known.declared, known.gate
    if state == "RUNNING":
        return _trouble(known)
    if state in ("FAILED", "COMPLETING") and declared is not None and declared.reason:
        return declared.reason
    if state in ("PENDING", "SUSPENDED"):
        waits = grouped([fact.pod.reason or "" for fact in known.live])
        if waits is not None or gate is None or gate.is_open:
            return waits or ("suspended" if state == "SUSPENDED" else None)
        return gate.reason
    return grouped([fact.pod.reason or "" for fact in known.pods])


def _trouble(known: Known) -> str | None:
    """What is wrong with a job that runs: pods that wait beside those that run, crash loops, restarts."""
    waiting = known.in_phase("PENDING")
    if waiting:
        why = grouped([fact.pod.reason or "" for fact in waiting])
        return f"{len(waiting)} of {len(known.live)} pods wait" + (f": {why}" if why else "")
    if (why := grouped([fact.pod.reason or "" for fact in known.live])) is not None:
        return why
    restarts = _container_restarts(known)
    return f"{restarts} container restart{'s' * (restarts > 1)}" if restarts else None


def _container_restarts(known: Known) -> int:
    return sum([fact.pod.restarts or 0 for fact in known.live])


def _restarts(known: Known) -> int:
    return (known.declared.failed if known.declared else 0) + _container_restarts(known)


def _is_requeueable(known: Known) -> bool | None:
    """A Job or JobSet can be suspended, and Kueue can put anything back; a bare pod is lost; others are not known."""
    if known.declared is not None or (known.gate is not None and known.gate.by == "kueue"):
        return True
    return False if known.place[1].kind == "Pod" else None


def _start(known: Known) -> float | None:
    told = known.declared.started if known.declared else None
    return told or _earliest([fact.pod.started for fact in known.live])


def _earliest(times: Sequence[float | None]) -> float | None:
    return min((time for time in times if time is not None), default=None)


def _is_past(state: str, known: Known, now: float) -> bool:
    if state not in ("COMPLETED", "FAILED"):
        return False
    ended = known.declared.ended if known.declared else _earliest([fact.pod.started for fact in known.pods])
    kept = COMPLETED_SECONDS if state == "COMPLETED" else FAILED_SECONDS
    return ended is not None and now - ended > kept


def _gpu_map(live: Sequence[PodFact]) -> tuple[tuple[str, tuple[int, ...]], ...] | None:
    """GPU indexes by node; None unless every pod that has GPUs says which."""
    found: dict[str, set[int]] = defaultdict(set)
    for fact in live:
        if fact.node is not None and fact.pod.gpus:
            if fact.pod.gpu_indexes is None:
                return None
            found[fact.node].update(fact.pod.gpu_indexes)
    return tuple((node, tuple(sorted(indexes))) for node, indexes in sorted(found.items())) or None
