"""Operators at desks of their own over one cluster, with a shared directory between them."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from crashcart.ops.actor import Actor
from crashcart.ops.approvals import Answer, Posted
from crashcart.ops.approvals_desk import ApprovalDesk
from crashcart.ops.approvals_shelf import Shelf
from crashcart.ops.policy_load import parse_policy
from crashcart.ops.powers import ClusterPowers
from crashcart.ops.protocol import Answered, AnswerRequest, Finished, Plan, Refused
from crashcart.ops.runner import Runner
from crashcart.ops.session import ClusterSession, Session
from tests.unit.runner_desk import POLICY, Desk, ManualClock
from tests.unit.small_cluster import SmallCluster

PEOPLE = {1000: "alice", 1001: "bob", 1002: "carol"}
SHARED_POLICY = (
    POLICY.replace('risk = "high"', 'risk = "critical"').replace('users = ["alice"]', 'users = ["alice", "bob"]')
    + '[approvals]\nunverified = "allow"\n'
)


class PatientClock(ManualClock):
    """Time stands still while somebody waits, so that others come to their turn."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0.002)


def owner_by_name(name: str, _: os.stat_result) -> int:
    """Whom a file belongs to, in a test that runs as one user: whom its name says."""
    return int(name.split(".")[1])


def person(uid: int) -> Actor | None:
    return Actor(PEOPLE[uid], uid) if uid in PEOPLE else None


def shared_directory(folder: Path) -> Path:
    """A directory with the mode that is asked for."""
    made = folder / "approvals"
    made.mkdir(exist_ok=True)
    made.chmod(0o2770)
    return made


class SharedDesk(Desk):
    """One operator; all of them share the cluster and the directory, each has an audit log."""

    def __init__(self, cluster: SmallCluster, folder: Path, uid: int = 1000, policy: str = SHARED_POLICY) -> None:
        super().__init__(cluster, folder, policy, PEOPLE[uid])
        self.clock: ManualClock = PatientClock()
        self.audit_file = folder / PEOPLE[uid] / "audit.jsonl"
        self.uid = uid
        self.desk = ApprovalDesk(Shelf(shared_directory(folder), uid, owner_by_name), person=person)

    @property
    def runner(self) -> Runner:
        if not hasattr(self, "_runner"):
            session = Session(clusters=(ClusterSession(name="small"),), audit_file=str(self.audit_file))
            self._runner = Runner(
                session,
                lambda _: ClusterPowers(self.powers),
                parse_policy(self._policy, "the test's policy"),
                Actor(self._user, self.uid),
                self.clock,
                self.answers,
                self.desk,
            )
        return self._runner

    async def sees(self) -> Posted:
        """The request that lies there, as soon as one does."""
        async with asyncio.timeout(5):
            while not (found := self.desk.shelf.requests(self.clock.now())):  # noqa: ASYNC110 - files have no events
                await asyncio.sleep(0.002)
        return found[0]

    async def answers_with(self, posted: Posted, verdict: str = "approved", why: str = "") -> Answered | Refused:
        assert verdict in ("approved", "denied")
        said = AnswerRequest("a1", posted.request.id, posted.sha256, verdict, why)  # type: ignore[arg-type]
        return await self.runner.answer(said)

    def forges(self, posted: Posted, **changes: object) -> None:
        """Lay an approval down past all checks of this side."""
        fields: dict[str, object] = {
            "request": posted.request.id,
            "sha256": posted.sha256,
            "verdict": "approved",
            "user": self._user,
            "uid": self.uid,
            "when": self.clock.now(),
        }
        self.desk.shelf.answer(Answer(**{**fields, **changes}))  # type: ignore[arg-type]

    async def hears(self, text: str) -> None:
        """Wait until the executor has told this."""
        async with asyncio.timeout(5):
            await self.answers.heard(text)


async def begun(desk: SharedDesk, plan: Plan) -> asyncio.Task[Finished | Refused]:
    """A confirmation that waits for somebody else."""
    return asyncio.create_task(desk.confirms(plan), name="confirm")
