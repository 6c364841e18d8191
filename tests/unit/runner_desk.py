"""An operator at a runner over one small cluster, with time that passes only when somebody waits."""

from __future__ import annotations

import asyncio
from pathlib import Path

from crashcart.ops.actor import Actor
from crashcart.ops.policy_load import parse_policy
from crashcart.ops.powers import ClusterPowers
from crashcart.ops.protocol import (
    ConfirmRequest,
    Finished,
    Plan,
    Planned,
    PlanRequest,
    Progress,
    Refused,
    Reply,
    ShellOutput,
)
from crashcart.ops.runner import Runner
from crashcart.ops.session import ClusterSession, Session
from tests.unit.small_cluster import NOW, SmallCluster

POLICY = """
version = 1
default = "deny"
[limits]
max_targets = 64
max_partition_pct = 100
per_hour = 500
[verb.reboot]
risk = "high"
[confirm]
over_16 = "type-count"
[[role]]
name = "oncall"
allow = [{ verbs = ["*"], scope = "*" }]
deny = [{ verbs = ["*"], scope = "*/*/login*" }]
[[bind]]
role = "oncall"
users = ["alice"]
"""


class ManualClock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = NOW

    def now(self) -> float:
        return self.seconds

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        await asyncio.sleep(0)


class Answers:
    """What an executor would send to its cockpit."""

    def __init__(self) -> None:
        self.sent: list[Reply] = []
        self._more = asyncio.Event()

    def __call__(self, reply: Reply, /) -> None:
        self.sent.append(reply)
        self._more.set()

    async def show(self, text: bytes) -> None:
        """Wait until the shell has shown these bytes."""
        async with asyncio.timeout(5):
            while text not in b"".join(reply.data for reply in self.sent if isinstance(reply, ShellOutput)):
                self._more.clear()
                await self._more.wait()

    async def heard(self, text: str) -> None:
        """Wait until progress with this text was told."""
        while not any(text in reply.detail for reply in self.sent if isinstance(reply, Progress)):
            self._more.clear()
            await self._more.wait()

    async def flush(self) -> None:
        await asyncio.sleep(0)

    def states(self, target: str) -> list[str]:
        return [reply.state for reply in self.sent if isinstance(reply, Progress) and reply.target == target]


def content(saved: str | None) -> bytes:
    """What a saved file holds."""
    assert saved is not None
    return Path(saved).read_bytes()


def is_private(saved: str) -> bool:
    """Whether only its owner may read it."""
    return Path(saved).stat().st_mode & 0o777 == 0o600


class Desk:
    """A runner over one small cluster, and an operator at it."""

    def __init__(self, cluster: SmallCluster, folder: Path, policy: str = POLICY, user: str = "alice") -> None:
        self.cluster = cluster
        self.powers: list[object] = [cluster]
        self.clock = ManualClock()
        self.answers = Answers()
        self.audit_file = folder / "state" / "audit.jsonl"
        self.profiles: tuple[dict[str, object], ...] = ()
        self._policy = policy
        self._user = user

    @property
    def runner(self) -> Runner:
        if not hasattr(self, "_runner"):
            session = Session(
                clusters=(ClusterSession(name="small", checkpoint=self.profiles),), audit_file=str(self.audit_file)
            )
            self._runner = Runner(
                session,
                lambda _: ClusterPowers(self.powers),
                parse_policy(self._policy, "the test's policy"),
                Actor(self._user, 1000),
                self.clock,
                self.answers,
            )
        return self._runner

    async def asks(self, verb: str, *targets: str, **params: str) -> Planned | Refused:
        return await self.runner.plan(PlanRequest("r1", "small", verb, targets, params))

    async def previews(self, verb: str, *targets: str, **params: str) -> Plan:
        answer = await self.asks(verb, *targets, **params)
        assert isinstance(answer, Planned), answer
        return answer.plan

    async def is_refused(self, verb: str, *targets: str, **params: str) -> Refused:
        answer = await self.asks(verb, *targets, **params)
        assert isinstance(answer, Refused), answer
        return answer

    async def confirms(self, plan: Plan) -> Finished | Refused:
        wanted = plan.confirmation
        return await self.runner.confirm(ConfirmRequest(plan.plan_id, wanted.expect, wanted.foreign or ""))

    async def does(self, verb: str, *targets: str, **params: str) -> Finished:
        answer = await self.confirms(await self.previews(verb, *targets, **params))
        assert isinstance(answer, Finished), answer
        return answer
