"""Whose agreement counts: another person's, to this very plan, who may do the same, and can prove who they are.

The same judgement is made twice: by whoever agrees, before anything is written, and by the executor that asked.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .actor import Actor, actor_of
from .approvals import Answer, Approver, Posted, signed_text
from .approvals_shelf import Shelf
from .approvals_signature import SignatureError, Signer, check, sign
from .policy import Policy, PolicyRequest
from .session import Session

Person = Callable[[int], Actor | None]


class DoesNotCount(Exception):
    """Why an agreement does not count, for whoever waits for it or gives it."""


@dataclass(frozen=True, slots=True)
class ApprovalDesk:
    """The shared directory, and what this machine knows of people and their keys."""

    shelf: Shelf
    signers: Path | None = None
    key: Path | None = None
    person: Person = actor_of

    async def signature(self, posted: Posted) -> str:
        """Sign the hash through the agent. Raises SignatureError."""
        text = signed_text(posted.request.id, posted.sha256)
        return await asyncio.to_thread(sign, text, self.key, self.signers)

    async def judge(
        self, posted: Posted, answer: Answer, owner: int, policy: Policy, ask: Callable[[Actor], PolicyRequest]
    ) -> Approver:
        """Who agrees. `owner` is the user id that owns the answer, `ask` makes the policy's question about somebody.

        Raises DoesNotCount.
        """
        request, person = posted.request, self.person(owner)
        if person is None or answer.uid != owner or answer.user != person.user:
            raise DoesNotCount(f"an answer says that it is from {answer.user}, and belongs to user id {owner}")
        if owner == request.uid or person.user == request.requester:
            raise DoesNotCount(f"{person.user} asked, so somebody else must agree")
        if answer.request != request.id or answer.sha256 != posted.sha256 or answer.verdict != "approved":
            raise DoesNotCount(f"the agreement of {person.user} is to another plan")
        decision = policy.may_agree(ask(person))
        if not decision.allowed:
            raise DoesNotCount(f"{person.user} may not do it either: {decision.why}")
        return await self._proved(posted, answer, person, policy)

    async def _proved(self, posted: Posted, answer: Answer, person: Actor, policy: Policy) -> Approver:
        if self.signers is None:
            if policy.document.approvals.unverified != "allow":
                raise DoesNotCount(
                    f"nothing proves that it is {person.user}: configure [approvals] allowed_signers, or let the policy"
                    ' say [approvals] unverified = "allow"'
                )
            return Approver(person.user, person.uid)
        if not answer.signature:
            raise DoesNotCount(f"the agreement of {person.user} is not signed")
        text = signed_text(posted.request.id, posted.sha256)
        try:
            signer = await asyncio.to_thread(check, text, answer.signature, self.signers)
        except SignatureError as error:
            raise DoesNotCount(f"the signature of {person.user} does not count: {error}") from error
        return Approver(person.user, person.uid, _own_name(signer, person.user, posted.request.requester), signer.key)


def approval_desk(session: Session) -> ApprovalDesk | None:
    """The desk of this session and user; None where no directory is configured."""
    found = session.approvals
    if found is None:
        return None
    return ApprovalDesk(
        Shelf(Path(found.directory), os.getuid()),
        Path(found.allowed_signers) if found.allowed_signers else None,
        Path(found.key) if found.key else None,
    )


def _own_name(signer: Signer, user: str, requester: str) -> str:
    """The name under which the list has this user's key: `bob` or `bob@example.org`. Raises DoesNotCount."""
    if any(_is(name, requester) for name in signer.principals):
        raise DoesNotCount(f"the key is one of {requester}, who asked")
    found = next((name for name in signer.principals if _is(name, user)), None)
    if found is None:
        raise DoesNotCount(f"the key is that of {', '.join(signer.principals)}, not of {user}")
    return found


def _is(principal: str, user: str) -> bool:
    return principal == user or principal.startswith(f"{user}@")
