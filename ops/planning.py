"""Makes the preview of an action: policy first, then a fresh reading, then what each target says to it."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from crashcart.backends.contract import Observer, Picture
from crashcart.backends.errors import BackendError, BadIdentifier, Unreachable
from crashcart.backends.model import Job, Node
from crashcart.backends.text import clean, job_id, node_name

from .actions.base import Action, BadParams, CannotAct, Scene
from .actor import Actor
from .confirm import confirmation
from .impact import capacity_lines, impact
from .policy import TAKES_CAPACITY, Decision, Policy, PolicyRequest, PolicyTarget
from .powers import ClusterPowers
from .protocol import Plan, PlanRequest, RefusalCode, TargetPlan
from .targets import fold
from .verbs import Verb

OBSERVE_SECONDS = 45.0
EXPIRES_SECONDS = 60.0
MOST_REASONS = 3

Reading = TypeVar("Reading")


class Refusal(Exception):
    """Nothing is planned. `gates` are those of the policy when it was asked."""

    def __init__(self, code: RefusalCode, why: str, gates: tuple[str, ...] = ()) -> None:
        super().__init__(why)
        self.code: RefusalCode = code
        self.why = why
        self.gates = gates


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan as shown, and what it was made from."""

    plan: Plan
    action: Action
    verb: Verb
    scene: Scene
    before: Mapping[str, dict[str, object]]  # target -> what must not change between preview and confirmation

    def warned(self, warnings: tuple[str, ...]) -> Prepared:
        """The same with more warnings in its plan."""
        plan = msgspec.structs.replace(self.plan, warnings=(*self.plan.warnings, *warnings))
        return dataclasses.replace(self, plan=plan)


def checked_names(request: PlanRequest, verb: Verb) -> tuple[str, ...]:
    """The targets as single names. Raises Refusal."""
    check = node_name if verb.target == "node" else job_id
    try:
        return tuple(check(name) for name in request.targets)
    except BadIdentifier as error:
        raise Refusal("usage", f"targets must be expanded to single names: {error}") from error


def policy_request(actor: Actor, request: PlanRequest, picture: Picture, now: float, recent: int) -> PolicyRequest:
    """What the policy is asked, with partitions as they are in this picture."""
    places: dict[str, tuple[str, ...]] = {node.name: node.partitions for node in picture.nodes}
    places |= {job.id: tuple((job.partition or "").split(",")) for job in picture.jobs}
    sizes: dict[str, int] = {}
    for node in picture.nodes:
        for partition in node.partitions:
            sizes[partition] = sizes.get(partition, 0) + 1
    return PolicyRequest(
        user=actor.user,
        groups=actor.groups,
        cluster=request.cluster,
        verb=request.verb,
        targets=tuple(PolicyTarget(name, places.get(name, ())) for name in request.targets),
        now=now,
        partition_sizes=sizes,
        recent=recent,
    )


def allowed(policy: Policy, request: PolicyRequest) -> Decision:
    """The policy's yes. Raises Refusal with its no."""
    decision = policy.decide(request)
    if not decision.allowed:
        raise Refusal("policy", decision.why, decision.gates)
    return decision


async def observed(reading: Awaitable[Reading], cluster: str) -> Reading:
    """What a reading of the cluster brings. Raises Refusal."""
    try:
        async with asyncio.timeout(OBSERVE_SECONDS):
            return await reading
    except BackendError as error:
        raise Refusal(_code(error), f"{cluster} could not be read: {error}") from error
    except TimeoutError as error:
        raise Refusal("unreachable", f"{cluster} could not be read within {OBSERVE_SECONDS:.0f} s") from error


def observer_of(powers: ClusterPowers, cluster: str) -> Observer:
    """The observer of a cluster. Raises Refusal: what cannot be read back cannot be proved."""
    if powers.observer is None:
        raise Refusal("unavailable", f"nothing in {cluster} can read it afresh, so nothing could be proved")
    return powers.observer


async def prepare(
    plan_id: str, request: PlanRequest, action: Action, verb: Verb, scene: Scene, decision: Decision
) -> Prepared:
    """Ask every target and put the preview together. Raises Refusal."""
    targets = request.targets
    _check_available(targets, action, scene)
    plans = await _previews(targets, action, scene)
    touched = [job for target in targets for job in action.touched_jobs(target, scene)]
    if verb.name in TAKES_CAPACITY:
        capacity = capacity_lines(scene.picture, targets)
    elif verb.name == "resume":
        capacity = capacity_lines(scene.picture, targets, returning=True)
    else:
        capacity = ()
    plan = Plan(
        plan_id=plan_id,
        verb=verb.name,
        title=_title(verb, targets),
        cluster=request.cluster,
        actor=scene.actor,
        role=decision.role,
        risk=verb.risk,
        reason=clean(request.params.get("reason", ""), limit=200),
        params=dict(request.params),
        targets=plans,
        impact=impact(touched, scene.picture, stops_work=action.stops_work, capacity=capacity),
        confirmation=confirmation(decision.confirm_kind, verb, targets, is_foreign=any(plan.held_by for plan in plans)),
        undo=action.undo(scene, targets),
        expires_in_seconds=EXPIRES_SECONDS,
    )
    before = {target: snapshot(scene.nodes.get(target) or scene.jobs.get(target)) for target in targets}
    return Prepared(plan, action, verb, scene, before)


def snapshot(entity: Node | Job | None) -> dict[str, object]:
    """What makes a preview untrue when it changes. Backfill plans all the time, so PLANNED does not count."""
    if isinstance(entity, Node):
        flags = [flag for flag in entity.flags if flag != "PLANNED"]
        return {"state": entity.state, "flags": flags, "reason": entity.reason, "boot_time": entity.boot_time}
    if isinstance(entity, Job):
        return {"state": entity.state, "restarts": entity.restarts, "start_time": entity.start_time}
    return {"state": "gone"}


def _check_available(targets: tuple[str, ...], action: Action, scene: Scene) -> None:
    if action.single and len(targets) > 1:
        raise Refusal("usage", f"{action.verb} takes one target at a time, not {len(targets)}")
    refused: list[str] = []
    for target in targets:
        try:
            why = action.unavailable(target, scene)
        except CannotAct as error:
            why = str(error)
        if why:
            refused.append(why)
    if refused:
        more = len(refused) - MOST_REASONS
        raise Refusal("unavailable", "; ".join(refused[:MOST_REASONS]) + (f"; and {more} more" if more > 0 else ""))


async def _previews(targets: tuple[str, ...], action: Action, scene: Scene) -> tuple[TargetPlan, ...]:
    room = asyncio.Semaphore(8)

    async def one(target: str) -> TargetPlan:
        async with room:
            return await action.preview(target, scene)

    try:
        return tuple(await asyncio.gather(*(one(target) for target in targets)))
    except CannotAct as error:
        raise Refusal("unavailable", str(error)) from error
    except BadParams as error:
        raise Refusal("usage", str(error)) from error
    except BackendError as error:
        raise Refusal(_code(error), str(error)) from error


def _code(error: BackendError) -> RefusalCode:
    return "unreachable" if isinstance(error, Unreachable) else "unavailable"


def _title(verb: Verb, targets: tuple[str, ...]) -> str:
    if len(targets) == 1:
        return f"{verb.title} {'job ' if verb.target == 'job' else ''}{targets[0]}"
    named = fold(targets) if verb.target == "node" else ",".join(targets[:4]) + (",…" if len(targets) > 4 else "")
    return f"{verb.title} {len(targets)} {verb.target}s: {named}"
