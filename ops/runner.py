"""The only way to change a cluster: plan, confirm, record, run, read back, record.

`PLANNED -> CONFIRMED -> [record on disk] RUNNING -> VERIFYING -> VERIFIED | FAILED | UNKNOWN | PARTIAL`. The runner
owns every deadline and every check: a screen may show what it likes, and a link may break at any moment.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .action_record import ActionRecords
from .action_run import ActionRun
from .actor import Actor
from .approvals import ApprovalsUnavailable, Approver
from .approvals_answer import Answering
from .approvals_desk import ApprovalDesk
from .approvals_tally import Tally
from .approvals_wait import SecondPerson
from .audit import AuditUnavailable
from .clock import Clock
from .confirm import mismatch
from .fresh import fresh_targets
from .left_open import LeftOpen
from .planner import Planner, PowersFor
from .planning import EXPIRES_SECONDS, Prepared, difference, snapshot
from .policy import Policy
from .protocol import (
    Answered,
    AnswerRequest,
    ConfirmRequest,
    Finished,
    OpenAction,
    Plan,
    Planned,
    PlanRequest,
    Refused,
    UndoRequest,
)
from .refusal import Refusal
from .replies import Replies
from .review import check_allowed
from .session import Session
from .undo import CannotUndo, last_own, named, needs_silences, undoing

_ON_RECORD = frozenset({"policy", "confirmation"})


@dataclass(frozen=True, slots=True)
class Pending:
    """A plan that waits for its confirmation."""

    prepared: Prepared
    expires: float  # by the monotonic clock


class Runner:
    """Plans and runs the actions of one operator. `powers_for` raises BackendError when a cluster's backends fail."""

    def __init__(
        self,
        session: Session,
        powers_for: PowersFor,
        policy: Policy,
        actor: Actor,
        clock: Clock,
        replies: Replies,
        approvals: ApprovalDesk | None = None,
    ) -> None:
        self._session = session
        self._powers_for = powers_for
        self._policy = policy
        self._actor = actor
        self._clock = clock
        self._replies = replies
        self._records = ActionRecords(Path(session.audit_file), actor)
        self._tally = None if approvals is None else Tally(approvals.shelf)
        self._planner = Planner(
            session,
            powers_for,
            policy,
            actor,
            clock,
            self._records,
            has_second=approvals is not None,
            others=self._others,
        )
        self._second = SecondPerson(approvals, policy, actor, self._records, clock, replies)
        self._answering = Answering(approvals, policy, actor, self._records, clock, self._planner)
        self._pending: dict[str, Pending] = {}
        self._runs: dict[str, ActionRun] = {}
        self._claimed: set[tuple[str, str]] = set()  # (cluster, target) of what is being confirmed or runs
        self._background: set[asyncio.Task[None]] = set()

    async def plan(self, request: PlanRequest, undoes: str = "") -> Planned | Refused:
        """Preview an action, perhaps one that takes another back. A refusal by the policy is on record."""
        try:
            prepared = await self._with_warnings(await self._planner.prepare(request, undoes))
        except Refusal as refusal:
            return await self._refused(request.request_id, request, refusal)
        now = self._clock.monotonic()
        self._pending = {plan_id: kept for plan_id, kept in self._pending.items() if kept.expires >= now}
        expires = now + EXPIRES_SECONDS
        self._pending[prepared.plan.plan_id] = Pending(prepared, expires)
        return Planned(request.request_id, prepared.plan)

    async def undo(self, request: UndoRequest) -> Planned | Refused:
        """Preview what takes an action back: the one named, or the operator's own last one."""
        now, path, user = self._clock.now(), self._records.path, self._actor.user
        try:
            if request.action_id:
                intent = await asyncio.to_thread(named, path, user, request.action_id)
            else:
                intent = await asyncio.to_thread(last_own, path, user, now)
            seen = await self._planner.silences(str(intent["cluster"])) if needs_silences(intent) else None
            wanted = undoing(intent, request.request_id, now, seen)
        except CannotUndo as error:
            return Refused(request.request_id, "unavailable", str(error))
        except OSError as error:
            return Refused(request.request_id, "audit", f"the audit log cannot be read: {error.strerror}")
        except Refusal as refusal:
            return Refused(request.request_id, refusal.code, refusal.why)
        return await self.plan(wanted, undoes=str(intent["id"]))

    async def answer(self, request: AnswerRequest) -> Answered | Refused:
        """Agree to another operator's request, or deny it."""
        try:
            return Answered(request.request_id, await self._answering.answer(request))
        except Refusal as refusal:
            return Refused(request.request_id, refusal.code, refusal.why, refusal.gates)

    async def confirm(self, request: ConfirmRequest) -> Finished | Refused:
        """Run a plan, when what was typed confirms it, nothing has changed since, and a second person agrees."""
        pending = self._pending.pop(request.plan_id, None)  # at once, so that two confirmations never run it twice
        if pending is None:
            return Refused(request.plan_id, "expired", "there is no such plan: it expired, was forgotten or has run")
        prepared, is_asked = pending.prepared, False
        try:
            with self._claim(prepared.plan):
                await self._check(pending, request)
                if prepared.plan.confirmation.kind != "second-person":
                    return await self._run(prepared, request, None)
            is_asked = True
            approver = await self._second.agreed(
                prepared, lambda person: self._planner.question(prepared.request, prepared.scene, person)
            )
            with self._claim(prepared.plan):  # not while waiting: the node may need something else meanwhile
                await self._check_still_true(prepared)
                return await self._run(prepared, request, approver)
        except Refusal as refusal:
            if refusal.code in ("confirmation", "unreachable") and not is_asked:  # still true, so it may be tried again
                self._pending[request.plan_id] = pending
            return await self._refused(request.plan_id, prepared.request, refusal)

    def cancel(self, plan_id: str) -> None:
        """Forget a plan, or start no more targets of a running action."""
        self._pending.pop(plan_id, None)
        self._second.withdraw(plan_id, "withdrawn by whoever asked")
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
        """The operator has gone: close all shells, ask nobody any more. Everything that runs goes on to its end."""
        self._second.withdraw_all("whoever asked has gone")
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

    @contextmanager
    def _claim(self, plan: Plan) -> Iterator[None]:
        """Keep other actions off the targets. Raises Refusal when one is on them."""
        claims = {(plan.cluster, target.target) for target in plan.targets}
        if taken := sorted(target for _, target in claims & self._claimed):
            raise Refusal("unavailable", f"another action is running on {', '.join(taken[:3])}; wait for its end")
        self._claimed |= claims
        try:
            yield
        finally:
            self._claimed -= claims

    async def _run(self, prepared: Prepared, request: ConfirmRequest, approver: Approver | None) -> Finished:
        run = await self._begin(prepared, request, approver)
        try:
            return await run.run()
        finally:
            del self._runs[request.plan_id]
            self._keep(run.reconcile(), f"reconcile {request.plan_id}")

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
        await self._check_still_true(pending.prepared)

    async def _check_still_true(self, prepared: Prepared) -> None:
        """Raise Refusal when anything has changed since the preview, or it is no longer allowed."""
        plan = prepared.plan
        if prepared.action.binds:
            await self._check_unchanged(prepared)
        await check_allowed(plan.verb, prepared.scene, [target.target for target in plan.targets])
        self._planner.decide(prepared.request, prepared.scene)

    async def _check_unchanged(self, prepared: Prepared) -> None:
        scene = prepared.scene
        fresh = await fresh_targets(scene.powers, prepared.plan.cluster, scene.kind, tuple(prepared.before))
        for target, before in prepared.before.items():
            now = snapshot(fresh.get(target))
            if now != before:
                raise Refusal("expired", f"{target} has changed since the preview: {difference(before, now)}")

    async def _begin(self, prepared: Prepared, request: ConfirmRequest, approver: Approver | None) -> ActionRun:
        """Put intent and start on record. Raises Refusal when that fails: nothing has run then."""
        try:
            if self._tally is not None and not prepared.verb.reads_only:
                await asyncio.to_thread(self._tally.add, self._clock.now(), len(prepared.plan.targets))
            await self._records.begun(prepared, self._policy, request.typed, request.foreign_typed, approver)
        except ApprovalsUnavailable as error:
            raise Refusal("unavailable", f"how much everybody does cannot be counted: {error}") from error
        except AuditUnavailable as error:
            raise Refusal("audit", f"{error}; nothing was done") from error
        folder = self._records.path.parent
        run = ActionRun(prepared, self._records, self._clock, self._replies, folder)
        self._runs[request.plan_id] = run
        return run

    def _others(self, now: float) -> int:
        """Targets of other operators in the last hour. Raises Refusal: an uncounted limit is none."""
        try:
            return 0 if self._tally is None else self._tally.others(now)
        except ApprovalsUnavailable as error:
            raise Refusal("unavailable", f"how much everybody does cannot be counted: {error}") from error

    async def _refused(self, request_id: str, request: PlanRequest, refusal: Refusal) -> Refused:
        if refusal.code in _ON_RECORD:
            with suppress(AuditUnavailable):  # nothing was done, and the refusal stands without its record
                await self._records.refused(request, refusal)
        return Refused(request_id, refusal.code, refusal.why, refusal.gates)

    def _keep(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
