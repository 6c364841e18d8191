"""Answers another operator's request: the same checks as the executor that asked makes, before a word is written.

Whoever agrees has looked at the cluster as it is now: when a target is no longer as the request shows it, there is
nothing left to agree to.
"""

from __future__ import annotations

import asyncio

import msgspec

from crashcart.backends.text import clean

from .action_record import ActionRecords
from .actor import Actor
from .approvals import Answer, ApprovalsUnavailable, Approver, Posted
from .approvals_desk import ApprovalDesk, DoesNotCount
from .approvals_signature import SignatureError
from .audit import AuditUnavailable
from .clock import Clock
from .planner import Planner
from .planning import difference, snapshot
from .policy import Policy
from .protocol import AnswerRequest, PlanRequest
from .refusal import Refusal


class Answering:
    """Answers as one operator."""

    def __init__(
        self,
        desk: ApprovalDesk | None,
        policy: Policy,
        actor: Actor,
        records: ActionRecords,
        clock: Clock,
        planner: Planner,
    ) -> None:
        self._desk = desk
        self._policy = policy
        self._actor = actor
        self._records = records
        self._clock = clock
        self._planner = planner

    async def answer(self, wanted: AnswerRequest) -> str:
        """Lay the answer down and say how good it is. Raises Refusal."""
        if self._desk is None:
            raise Refusal("approval", "no directory of requests is configured: [approvals] directory")
        try:
            posted = await self._found(self._desk, wanted)
            if wanted.verdict == "denied":
                return await self._deny(self._desk, posted, wanted.why)
            return await self._agree(self._desk, posted)
        except (ApprovalsUnavailable, DoesNotCount, SignatureError) as error:
            raise Refusal("approval", str(error)) from error
        except AuditUnavailable as error:
            raise Refusal("audit", f"{error}; nothing was answered") from error

    async def _found(self, desk: ApprovalDesk, wanted: AnswerRequest) -> Posted:
        for posted in await asyncio.to_thread(desk.shelf.requests, self._clock.now()):
            if posted.request.id != wanted.approval_id:
                continue
            if posted.sha256 != wanted.sha256:
                raise Refusal("approval", "the request is not the one that was shown; look at it again")
            asker = desk.person(posted.request.uid)
            if asker is None or asker.user != posted.request.requester:
                raise Refusal("approval", f"user id {posted.request.uid} is not {posted.request.requester}")
            return posted
        raise Refusal("approval", "there is no such request: it was answered, withdrawn, or has expired")

    async def _deny(self, desk: ApprovalDesk, posted: Posted, why: str) -> str:
        approver = Approver(self._actor.user, self._actor.uid)
        await self._records.answered(posted, "denied", approver, why)
        answer = msgspec.structs.replace(self._answer(posted, ""), verdict="denied", why=clean(why, limit=200))
        await asyncio.to_thread(desk.shelf.answer, answer)
        return f"denied; {posted.request.requester} is told"

    async def _agree(self, desk: ApprovalDesk, posted: Posted) -> str:
        plan = posted.request.plan
        names = tuple(target.target for target in plan.targets)
        request = PlanRequest("", plan.cluster, plan.verb, names, dict(plan.params), plan.kind)
        if self._actor.uid == posted.request.uid:
            raise DoesNotCount("it is your own request, so somebody else must agree")
        scene = await self._planner.scene(request)
        for name, before in posted.request.before.items():
            now = snapshot(scene.entity(name))
            if now != before:
                raise DoesNotCount(f"{name} is no longer as the request shows it: {difference(before, now)}")
        signature = "" if desk.signers is None else await desk.signature(posted)
        answer = self._answer(posted, signature)
        approver = await desk.judge(
            posted,
            answer,
            self._actor.uid,
            self._policy,
            lambda person: self._planner.question(request, scene, person),
        )
        await self._records.answered(posted, "approved", approver, "")
        await asyncio.to_thread(desk.shelf.answer, answer)
        return f"approved as {approver.spoken}; the executor of {posted.request.requester} runs it"

    def _answer(self, posted: Posted, signature: str) -> Answer:
        return Answer(
            request=posted.request.id,
            sha256=posted.sha256,
            verdict="approved",
            user=self._actor.user,
            uid=self._actor.uid,
            when=self._clock.now(),
            signature=signature,
        )
