"""Waits for a second person: lays the request down, judges what comes, and ends with a name or a refusal on record."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from .action_record import ActionRecords
from .actor import Actor
from .approvals import EXPIRES_SECONDS, Answer, ApprovalRequest, ApprovalsUnavailable, Approver, Posted
from .approvals_desk import ApprovalDesk, DoesNotCount
from .audit import AuditUnavailable
from .clock import Clock
from .planning import Prepared
from .policy import Policy, PolicyRequest
from .protocol import Progress, RefusalCode
from .refusal import Refusal
from .replies import Replies

POLL_SECONDS = 1.0

Ask = Callable[[Actor], PolicyRequest]


class SecondPerson:
    """Waits on behalf of one executor; each wait can be withdrawn."""

    def __init__(
        self,
        desk: ApprovalDesk | None,
        policy: Policy,
        actor: Actor,
        records: ActionRecords,
        clock: Clock,
        replies: Replies,
    ) -> None:
        self._desk = desk
        self._policy = policy
        self._actor = actor
        self._records = records
        self._clock = clock
        self._replies = replies
        self._withdrawn: dict[str, str] = {}  # waiting plan -> why it waits no more

    @property
    def can_be_asked(self) -> bool:
        """Whether there is a place to ask."""
        return self._desk is not None

    def withdraw(self, plan_id: str, why: str) -> None:
        """Wait no more; nothing when this plan does not wait."""
        if plan_id in self._withdrawn:
            self._withdrawn[plan_id] = why

    def withdraw_all(self, why: str) -> None:
        """Nobody is there any more who could see what happens."""
        self._withdrawn = dict.fromkeys(self._withdrawn, why)

    async def agreed(self, prepared: Prepared, ask: Ask) -> Approver:
        """Ask, and wait until somebody whose word counts has agreed. Raises Refusal."""
        if self._desk is None:
            raise Refusal("policy", "confirm: a second person is needed, and where to ask is not configured")
        plan_id = prepared.plan.plan_id
        self._withdrawn[plan_id] = ""
        try:
            posted = await self._posted(self._desk, prepared)
            return await self._wait(self._desk, posted, ask)
        except ApprovalsUnavailable as error:
            raise Refusal("unavailable", f"a second person cannot be asked: {error}") from error
        except AuditUnavailable as error:
            raise Refusal("audit", f"{error}; nothing was done") from error
        finally:
            del self._withdrawn[plan_id]
            with suppress(ApprovalsUnavailable):  # it expires by itself
                await asyncio.to_thread(self._desk.shelf.take_back, plan_id)

    async def _posted(self, desk: ApprovalDesk, prepared: Prepared) -> Posted:
        now = self._clock.now()
        request = ApprovalRequest(
            plan=prepared.plan,
            before=dict(prepared.before),
            requester=self._actor.user,
            uid=self._actor.uid,
            created=now,
            expires=now + EXPIRES_SECONDS,
            policy=self._policy.digest,
        )
        await asyncio.to_thread(desk.shelf.check)
        sha256 = await asyncio.to_thread(desk.shelf.put, request)
        await self._records.second_person(request, "request", sha256=sha256)
        return Posted(request, sha256)

    async def _wait(self, desk: ApprovalDesk, posted: Posted, ask: Ask) -> Approver:
        request, told = posted.request, set[tuple[int, str]]()
        while True:
            left = request.expires - self._clock.now()
            if why := self._withdrawn[request.id]:
                raise await self._ended(request, "withdrawn", "expired", why)
            if left <= 0:
                raise await self._ended(request, "lapsed", "expired", "nobody agreed within 15 minutes")
            for answer, owner in await asyncio.to_thread(desk.shelf.answers, request.id):
                if answer.verdict == "denied":
                    raise await self._denied(desk, request, answer, owner)
                if (owner, answer.signature) in told:
                    continue
                told.add((owner, answer.signature))
                if approver := await self._judged(desk, posted, answer, owner, ask):
                    await self._records.second_person(request, "approved", approver=approver)
                    return approver
            self._tell(request, f"waits for a second person, {int(left) // 60}:{int(left) % 60:02} left")
            await self._clock.sleep(POLL_SECONDS)

    async def _judged(
        self, desk: ApprovalDesk, posted: Posted, answer: Answer, owner: int, ask: Ask
    ) -> Approver | None:
        """Who agreed; None when it does not count, which is told and on record."""
        try:
            return await desk.judge(posted, answer, owner, self._policy, ask)
        except DoesNotCount as error:
            self._tell(posted.request, f"an agreement does not count: {error}")
            await self._records.second_person(posted.request, "not counted", why=str(error))
            return None

    async def _denied(self, desk: ApprovalDesk, request: ApprovalRequest, answer: Answer, owner: int) -> Refusal:
        person = desk.person(owner)
        who = person.user if person is not None else f"user id {owner}"
        said = f": {answer.why}" if answer.why else ""
        return await self._ended(request, "denied", "approval", f"{who} denied it{said}")

    async def _ended(self, request: ApprovalRequest, phase: str, code: RefusalCode, why: str) -> Refusal:
        with suppress(AuditUnavailable):  # nothing is done, with a record or without
            await self._records.second_person(request, phase, why=why)
        return Refusal(code, f"{why}; nothing was done")

    def _tell(self, request: ApprovalRequest, detail: str) -> None:
        for target in request.plan.targets:
            self._replies(Progress(request.id, target.target, "CONFIRMED", detail))
