"""Makes the preview of an action: policy first, then a fresh reading, then what each target says to it."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from crashcart.backends.entity import Entity
from crashcart.backends.errors import BackendError, BadIdentifier
from crashcart.backends.model import Alert, Job, Node, Silence
from crashcart.backends.text import clean

from .actions.base import Action, BadParams, CannotAct, Scene, words
from .actor import Actor
from .confirm import confirmation
from .fresh import refusal_code
from .impact import capacity_lines, impact
from .planes import sides
from .policy import TAKES_CAPACITY, Decision, Policy, PolicyRequest, PolicyTarget
from .policy_subject import policy_target, silence_seconds
from .protocol import Plan, PlanRequest, TargetPlan
from .refusal import Refusal
from .review import check_allowed, identities
from .targets import CHECKS, fold
from .undo import Inverse, inverse_of
from .verbs import Verb

EXPIRES_SECONDS = 60.0
MOST_REASONS = 3


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan as shown, and what it was made from."""

    plan: Plan
    request: PlanRequest  # with its kind, single names and settled parameters
    action: Action
    verb: Verb
    scene: Scene
    before: Mapping[str, dict[str, object]]  # target -> what must not change between preview and confirmation
    inverse: Inverse

    def warned(self, warnings: tuple[str, ...]) -> Prepared:
        """The same with more warnings in its plan."""
        plan = msgspec.structs.replace(self.plan, warnings=(*self.plan.warnings, *warnings))
        return dataclasses.replace(self, plan=plan)


def checked_targets(request: PlanRequest, verb: Verb) -> PlanRequest:
    """The request with its kind, and with targets that are single names. Raises Refusal."""
    kind = request.kind or verb.target
    if not verb.takes(kind):
        taken = " or ".join(f"{one}s" for one in (verb.target, *verb.also))
        raise Refusal("usage", f"{verb.name} takes no {kind}s; it takes {taken}")
    try:
        names = tuple(CHECKS[kind](name) for name in request.targets)
    except BadIdentifier as error:
        raise Refusal("usage", f"targets must be expanded to single names: {error}") from error
    return msgspec.structs.replace(request, targets=names, kind=kind)


def policy_request(actor: Actor, request: PlanRequest, scene: Scene | None, now: float, recent: int) -> PolicyRequest:
    """What the policy is asked, with partitions as they are in the scene; without one, about bare names."""
    sizes: dict[str, int] = {}
    for node in scene.picture.nodes if scene else ():
        for partition in node.partitions:
            sizes[partition] = sizes.get(partition, 0) + 1
    return PolicyRequest(
        user=actor.user,
        groups=actor.groups,
        cluster=request.cluster,
        verb=request.verb,
        targets=tuple(policy_target(name, scene) if scene else PolicyTarget(name) for name in request.targets),
        now=now,
        partition_sizes=sizes,
        recent=recent,
        silence_seconds=silence_seconds(request.params, now),
    )


def allowed(policy: Policy, request: PolicyRequest) -> Decision:
    """The policy's yes. Raises Refusal with its no."""
    decision = policy.decide(request)
    if not decision.allowed:
        raise Refusal("policy", decision.why, decision.gates)
    return decision


async def prepare(
    request: PlanRequest, action: Action, verb: Verb, scene: Scene, decision: Decision, undoes: str = ""
) -> Prepared:
    """Ask every target and put the preview together. Raises Refusal."""
    targets = request.targets
    _check_available(targets, action, scene)
    await check_allowed(verb.name, scene, targets)
    plans = await _previews(targets, action, scene)
    touched = [job for target in targets for job in action.touched_jobs(target, scene)]
    if verb.name in TAKES_CAPACITY:
        capacity = capacity_lines(scene.picture, targets)
    elif verb.name == "resume":
        capacity = capacity_lines(scene.picture, targets, returning=True)
    else:
        capacity = ()
    incident = request.params.get("incident", "")
    plan = Plan(
        plan_id=scene.order.action_id,
        verb=verb.name,
        title=_title(verb, action, scene, targets),
        cluster=request.cluster,
        actor=scene.order.actor,
        role=decision.role,
        risk=verb.risk,
        reason=clean(request.params.get("reason", ""), limit=200),
        params=dict(request.params),
        targets=plans,
        impact=impact(touched, scene.picture, loses=lambda job: action.loses(job, scene), capacity=capacity),
        warnings=(*_glass(incident), *(f"not read, so nothing is done there: {why}" for why in scene.picture.unread)),
        confirmation=confirmation(
            decision.confirm_kind,
            verb,
            scene.kind,
            [action.spoken(target, scene) for target in targets],
            is_foreign=any(plan.held_by for plan in plans),
            incident=incident,
        ),
        undo=action.undo(scene, targets),
        expires_in_seconds=EXPIRES_SECONDS,
        kind=scene.kind,
        acting_as=await identities(scene, targets),
        break_glass=incident,
        undoes=undoes,
    )
    before = {target: snapshot(scene.entity(target)) for target in targets}
    return Prepared(plan, request, action, verb, scene, before, inverse_of(action, scene, targets))


def _glass(incident: str) -> tuple[str, ...]:
    if not incident:
        return ()
    return (f"BREAK GLASS for {incident}: no second person and no freeze holds this back; it is on record as that",)


def snapshot(entity: Entity | None) -> dict[str, object]:
    """What makes a preview untrue when it changes. Backfill plans all the time, so PLANNED does not count."""
    if isinstance(entity, Node):
        flags = [flag for flag in entity.flags if flag != "PLANNED"]
        others = {f"in_{side.source}": _side_words(side) for side in sides(entity)[1:]}
        return {"state": entity.state, "flags": flags, "reason": entity.reason, "boot_time": entity.boot_time, **others}
    if isinstance(entity, Job):
        return {"state": entity.state, "restarts": entity.restarts, "start_time": entity.start_time}
    if isinstance(entity, Alert):
        return {"state": entity.state, "name": entity.name}
    if isinstance(entity, Silence):
        return {"state": entity.state, "ends": entity.ends, "comment": entity.comment}
    return {"state": "gone"}


def difference(before: dict[str, object], now: dict[str, object]) -> str:
    """What is no longer as it was, in words."""
    changed = [key for key in {**before, **now} if before.get(key) != now.get(key)]
    return ", ".join(
        f"{key.replace('_', ' ')} was {_shown(before.get(key))}, is {_shown(now.get(key))}" for key in changed
    )


def _shown(value: object) -> str:
    if isinstance(value, list):
        return "+".join(value) or "none"
    return "not known" if value is None else clean(str(value), limit=100)


def _side_words(side: Node) -> str:
    """What another plane than the leading one says of a node."""
    reason = side.reason or (f"by {side.reason_by}" if side.reason_by else "")
    return ", ".join(filter(None, (words(side), clean(reason, limit=100))))


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
        raise Refusal(refusal_code(error), str(error)) from error


def _title(verb: Verb, action: Action, scene: Scene, targets: tuple[str, ...]) -> str:
    if len(targets) == 1:
        noun = "" if scene.kind == "node" else f"{scene.kind} "
        return f"{verb.title} {noun}{action.spoken(targets[0], scene)}"
    spoken = [action.spoken(target, scene) for target in targets]
    named = fold(targets) if scene.kind == "node" else ",".join(spoken[:4]) + (",…" if len(spoken) > 4 else "")
    return f"{verb.title} {len(targets)} {scene.kind}s: {named}"
