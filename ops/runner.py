"""The only way to change a cluster: plan, confirm, record, run, read back, record.

`PLANNED -> CONFIRMED -> [record on disk] RUNNING -> VERIFYING -> VERIFIED | FAILED | UNKNOWN | PARTIAL`. The runner
owns every deadline and every check: a screen may show what it likes, and a link may break at any moment.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec

from crashcart.backends.errors import BackendError
from crashcart.backends.text import clean

from .action_record import ActionRecords
from .action_run import ActionRun
from .actions import ACTIONS
from .actions.base import BadParams, Order, Scene, scene_of
from .actor import Actor
from .audit import AuditUnavailable
from .clock import Clock
from .confirm import mismatch
from .fresh import fresh_picture, fresh_targets
from .left_open import LeftOpen
from .planning import EXPIRES_SECONDS, Prepared, allowed, checked_targets, policy_request, prepare, snapshot
from .policy import Decision, Policy
from .powers import ClusterPowers
from .protocol import ConfirmRequest, Finished, OpenAction, Planned, PlanRequest, Refused
from .refusal import Refusal
from .replies import Replies
from .review import check_allowed
from .session import ClusterSession, Session
from .verbs import Verb

PowersFor = Callable[[str], ClusterPowers]

_ON_RECORD = frozenset({"policy", "confirmation"})


@dataclass(frozen=True, slots=True)
class Pending:
    """A plan that waits for its confirmation."""

    prepared: Prepared
    expires: float  # by the monotonic clock


class Runner:
    """Plans and runs the actions of one operator. `powers_for` raises BackendError when a cluster's backends fail."""

    def __init__(
        self, session: Session, powers_for: PowersFor, policy: Policy, actor: Actor, clock: Clock, replies: Replies
    ) -> None:
        self._session = session
        self._powers_for = powers_for
        self._policy = policy
        self._actor = actor
        self._clock = clock
        self._replies = replies
        self._records = ActionRecords(Path(session.audit_file), actor)
        self._pending: dict[str, Pending] = {}
        self._runs: dict[str, ActionRun] = {}
        self._claimed: set[tuple[str, str]] = set()  # (cluster, target) of what is being confirmed or runs
        self._background: set[asyncio.Task[None]] = set()

    async def plan(self, request: PlanRequest) -> Planned | Refused:
        """Preview an action. A refusal by the policy is on record."""
        try:
            prepared = await self._prepare(request)
        except Refusal as refusal:
            return await self._refused(request.request_id, request, refusal)
        now = self._clock.monotonic()
        self._pending = {plan_id: kept for plan_id, kept in self._pending.items() if kept.expires >= now}
        expires = now + EXPIRES_SECONDS
        self._pending[prepared.plan.plan_id] = Pending(prepared, expires)
        return Planned(request.request_id, prepared.plan)

    async def confirm(self, request: ConfirmRequest) -> Finished | Refused:
        """Run a plan, when what was typed confirms it and nothing has changed since the preview."""
        pending = self._pending.pop(request.plan_id, None)  # at once, so that two confirmations never run it twice
        if pending is None:
            return Refused(request.plan_id, "expired", "there is no such plan: it expired, was forgotten or has run")
        plan = pending.prepared.plan
        claims = {(plan.cluster, target.target) for target in plan.targets}
        if taken := sorted(target for _, target in claims & self._claimed):
            why = f"another action is running on {', '.join(taken[:3])}; wait for its end"
            return Refused(request.plan_id, "unavailable", why)
        self._claimed |= claims
        try:
            return await self._confirm(pending, request)
        except Refusal as refusal:
            if refusal.code in ("confirmation", "unreachable"):  # the plan is still true, so it may be tried again
                self._pending[request.plan_id] = pending
            return await self._refused(request.plan_id, pending.prepared.request, refusal)
        finally:
            self._claimed -= claims

    def cancel(self, plan_id: str) -> None:
        """Forget a plan, or start no more targets of a running action."""
        self._pending.pop(plan_id, None)
        if plan_id in self._runs:
            self._runs[plan_id].cancel("cancelled by the operator")

    def shell_input(self, plan_id: str, data: bytes) -> None:
        """Pass on what is typed into the shell of an action; nothing when it has ended."""
        if (run := self._runs.get(plan_id)) and run.shell:
            run.shell.write(data)

    def shell_resize(self, plan_id: str, columns: int, rows: int) -> None:
        """Pass on the size of the operator's terminal."""
        if (run := self._runs.get(plan_id)) and run.shell:
            run.shell.resize(columns, rows)

    def hang_up(self) -> None:
        """The operator has gone: close all shells. Everything else runs to its end."""
        for run in self._runs.values():
            run.hang_up()

    async def open_actions(self) -> tuple[OpenAction, ...]:
        """Actions without a known end, by the audit log."""
        return await asyncio.to_thread(self._records.open_actions)

    def resolve_left_open(self) -> None:
        """Begin to look again at what earlier executors left without an end."""
        left = LeftOpen(self._session, self._powers_for, self._records, self._clock, self._replies)
        self._keep(left.resolve(), "left open")

    async def settle(self) -> None:
        """Wait until nothing is being looked at any more."""
        while self._background:
            await asyncio.wait(self._background)

    async def _confirm(self, pending: Pending, request: ConfirmRequest) -> Finished:
        await self._check(pending, request)
        run = await self._begin(pending.prepared, request)
        try:
            return await run.run()
        finally:
            del self._runs[request.plan_id]
            self._keep(run.reconcile(), f"reconcile {request.plan_id}")

    async def _prepare(self, request: PlanRequest) -> Prepared:
        if request.verb not in ACTIONS:
            raise Refusal(
                "usage", f"there is no verb {clean(request.verb, limit=40)!r}; there are {', '.join(ACTIONS)}"
            )
        cluster = self._cluster(request.cluster)
        action, verb = ACTIONS[request.verb], self._policy.verb(request.verb)
        request = checked_targets(request, verb)
        try:
            action.check_params(request.params)
            params = action.settled_params(request.params, self._clock.now())
        except BadParams as error:
            raise Refusal("usage", str(error)) from error
        request = msgspec.structs.replace(request, params=params)
        if not self._policy.roles_of(self._actor.user, self._actor.groups):
            self._decide(request, None)  # says no before the cluster is asked for anything
        self._records.check()
        scene = await self._scene(cluster, request, verb)
        prepared = await prepare(request, action, verb, scene, self._decide(request, scene))
        return await self._with_warnings(prepared)

    async def _scene(self, cluster: ClusterSession, request: PlanRequest, verb: Verb) -> Scene:
        try:
            powers = self._powers_for(cluster.name)
        except BackendError as error:
            raise Refusal("unavailable", str(error)) from error
        picture = await fresh_picture(powers, cluster.name, verb, request.kind or verb.target)
        order = Order(self._actor.user, self._session.reason_prefix, uuid4().hex)
        return scene_of(cluster, powers, picture, request, order)

    def _cluster(self, name: str) -> ClusterSession:
        try:
            return self._session.cluster(name)
        except KeyError as error:
            raise Refusal("usage", self._unknown(clean(name, limit=40))) from error

    def _unknown(self, name: str) -> str:
        if self._session.attach is None:
            return f"there is no cluster {name!r}"
        return (
            f"cluster {name!r} is shown by the collector at {self._session.attach}, but this machine does not know how "
            f"to reach it; add [cluster.{name}] to its configuration to act there"
        )

    def _decide(self, request: PlanRequest, scene: Scene | None) -> Decision:
        """The policy's yes. Raises Refusal with the policy's no."""
        now = self._clock.now()
        recent = self._records.recent_targets(now)
        return allowed(self._policy, policy_request(self._actor, request, scene, now, recent))

    async def _with_warnings(self, prepared: Prepared) -> Prepared:
        """Add what earlier actions on the same targets have left open."""
        plan = prepared.plan
        names = {target.target for target in plan.targets}
        warnings = tuple(
            f"an earlier {action.verb} of {', '.join(sorted(names & set(action.targets)))} has no known end;"
            " look at its state before you go on"
            for action in await self.open_actions()
            if action.cluster == plan.cluster and names & set(action.targets)
        )
        return prepared if not warnings else prepared.warned(warnings)

    async def _check(self, pending: Pending, request: ConfirmRequest) -> None:
        """Raise Refusal unless the plan is confirmed, allowed and still true."""
        plan = pending.prepared.plan
        if self._clock.monotonic() > pending.expires:
            raise Refusal("expired", f"the preview is older than {EXPIRES_SECONDS:.0f} s; look at a fresh one")
        if wrong := mismatch(plan.confirmation, request.typed, request.foreign_typed):
            raise Refusal("confirmation", wrong)
        if pending.prepared.action.binds:
            await self._check_unchanged(pending.prepared)
        await check_allowed(plan.verb, pending.prepared.scene, [target.target for target in plan.targets])
        self._decide(pending.prepared.request, pending.prepared.scene)

    async def _check_unchanged(self, prepared: Prepared) -> None:
        scene = prepared.scene
        fresh = await fresh_targets(scene.powers, prepared.plan.cluster, scene.kind, tuple(prepared.before))
        for target, before in prepared.before.items():
            now = snapshot(fresh.get(target))
            if now != before:
                raise Refusal("expired", f"{target} has changed since the preview: {_difference(before, now)}")

    async def _begin(self, prepared: Prepared, request: ConfirmRequest) -> ActionRun:
        """Put intent and start on record. Raises Refusal when that fails: nothing has run then."""
        try:
            await self._records.begun(prepared, self._policy, request.typed, request.foreign_typed)
        except AuditUnavailable as error:
            raise Refusal("audit", f"{error}; nothing was done") from error
        folder = self._records.path.parent
        run = ActionRun(prepared, self._records, self._clock, self._replies, folder)
        self._runs[request.plan_id] = run
        return run

    async def _refused(self, request_id: str, request: PlanRequest, refusal: Refusal) -> Refused:
        if refusal.code in _ON_RECORD:
            with suppress(AuditUnavailable):  # nothing was done, and the refusal stands without its record
                await self._records.refused(request, refusal)
        return Refused(request_id, refusal.code, refusal.why, refusal.gates)

    def _keep(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


def _difference(before: dict[str, object], now: dict[str, object]) -> str:
    changed = [key for key in {**before, **now} if before.get(key) != now.get(key)]
    return ", ".join(
        f"{key.replace('_', ' ')} was {_shown(before.get(key))}, is {_shown(now.get(key))}" for key in changed
    )


def _shown(value: object) -> str:
    if isinstance(value, list):
        return "+".join(value) or "none"
    return "not known" if value is None else clean(str(value), limit=100)
