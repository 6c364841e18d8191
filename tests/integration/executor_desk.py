"""An operator's side of a real executor process: plan, type what the plan asks for, read the audit log."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from types import TracebackType
from typing import Any

from crashcart.ops.actor import os_user
from crashcart.ops.audit_read import Record, read
from crashcart.ops.executor_link import ExecutorLink
from crashcart.ops.policy_starter import starter_policy
from crashcart.ops.protocol import Finished, Plan, Planned, Progress, Refused, TargetResult
from crashcart.ops.session import ClusterSession, Session


def session_of(cluster: ClusterSession, folder: Path) -> Session:
    """A session in which the current user is on call by the starter policy, without its share of a partition."""
    policy = starter_policy(os_user()).replace("max_partition_pct = 20", "max_partition_pct = 100")
    return Session((cluster,), str(folder / "audit.jsonl"), policy_text=policy)


class Desk:
    """Use it as `async with Desk(cluster, folder) as desk`."""

    def __init__(self, cluster: ClusterSession, folder: Path) -> None:
        self.cluster = cluster.name
        self.session = session_of(cluster, folder)
        self.link = ExecutorLink(self.session)
        self.progress: list[Progress] = []
        self._is_open = False

    async def __aenter__(self) -> Desk:
        await self.link.warm()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_open and self.link.ready is not None:  # it would go on looking for a minute, longer than the test
            os.kill(self.link.ready.pid, signal.SIGKILL)
        await self.link.close()

    async def plan(self, verb: str, *targets: str, **params: str) -> Plan:
        """The preview, which must be given."""
        reply = await self.link.plan(self.cluster, verb, targets, params)
        assert isinstance(reply, Planned), reply
        return reply.plan

    async def refused(self, verb: str, *targets: str, **params: str) -> Refused:
        """The refusal, which must come instead of a preview."""
        reply = await self.link.plan(self.cluster, verb, targets, params)
        assert isinstance(reply, Refused), reply
        return reply

    async def confirm(self, plan: Plan, **typed: Any) -> Finished | Refused:
        """Type what the plan asks for."""
        reply = await self.link.confirm(
            plan.plan_id, plan.confirmation.expect, on_progress=self.progress.append, **typed
        )
        self._is_open |= isinstance(reply, Finished) and reply.state == "UNKNOWN"
        return reply

    async def act(self, verb: str, *targets: str, **params: str) -> tuple[TargetResult, ...]:
        """Plan and confirm; the results of all targets."""
        finished = await self.confirm(await self.plan(verb, *targets, **params))
        assert isinstance(finished, Finished), finished
        return finished.results

    async def act_on(self, verb: str, target: str, **params: str) -> TargetResult:
        """Plan and confirm for one target; its result."""
        return (await self.act(verb, target, **params))[0]

    def audit(self) -> list[Record]:
        """The records so far."""
        return list(read(Path(self.session.audit_file)))
