"""What the audit log says about an action: intent before anything, start, end, and what was found out later."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from .actor import Actor
from .approvals import ApprovalRequest, Approver, Posted
from .audit import AuditLog, AuditUnavailable, since
from .audit_read import OpenRecords, executor_mark, read
from .planning import Prepared
from .policy import Policy
from .protocol import ActionState, OpenAction, PlanRequest, TargetResult
from .refusal import Refusal
from .verbs import BY_NAME

HOUR = 3600.0
_WAITING = {"denied": "CANCELLED", "withdrawn": "CANCELLED", "lapsed": "EXPIRED"}


class ActionRecords:
    """Writes the records of this executor. Written in a thread: a slow disk must not stop what is being read back."""

    def __init__(self, path: Path, actor: Actor) -> None:
        self.path = path
        self._actor = actor
        self._log: AuditLog | None = None
        self._open = OpenRecords(path)

    def recent_targets(self, now: float) -> int:
        """Targets that anybody acted on within the last hour, by this file. Reading verbs do not count."""
        return sum(
            len(record.get("targets", ()))
            for record in since(self.path, now - HOUR)
            if record["phase"] == "intent" and not _reads_only(str(record.get("verb", "")))
        )

    def open_actions(self) -> tuple[OpenAction, ...]:
        """Actions without a known end. The first call reads the whole file, later ones what was added."""
        return self._open.actions()

    def check(self) -> None:
        """Open the file. Raises Refusal when that fails: without a record no action starts."""
        try:
            self._opened()
        except AuditUnavailable as error:
            raise Refusal("audit", f"{error}; nothing may be done without a record") from error

    async def refused(self, request: PlanRequest, refusal: Refusal) -> None:
        """Record that something was asked for and refused."""
        fields = {
            "actor": self._actor.record(),
            "verb": request.verb,
            "cluster": request.cluster,
            "targets": list(request.targets),
            "params": dict(request.params),
            "code": refusal.code,
            "why": refusal.why,
        }
        await self._append("refused", fields)

    async def begun(
        self,
        prepared: Prepared,
        policy: Policy,
        typed: str,
        foreign_typed: str,
        approver: Approver | None = None,
    ) -> None:
        """Record the intent and the start. Raises AuditUnavailable: then nothing may run."""
        plan = prepared.plan
        if plan.break_glass:
            await self._append("BREAK GLASS", {"id": plan.plan_id, "incident": plan.break_glass, "verb": plan.verb})
        fields = {
            "id": plan.plan_id,
            "state": "CONFIRMED",
            "actor": self._actor.record(),
            "role": plan.role,
            "acting_as": list(plan.acting_as),
            "policy": policy.digest,
            "verb": plan.verb,
            "cluster": plan.cluster,
            "kind": plan.kind,
            "targets": [target.target for target in plan.targets],
            "commands": [command for target in plan.targets for command in target.commands],
            "params": dict(plan.params),
            "risk": plan.risk,
            "confirm": {"kind": plan.confirmation.kind, "typed": typed, "foreign": foreign_typed},
            "before": dict(prepared.before),
            "inverse": msgspec.to_builtins(prepared.inverse),
            "version": version("crashcart"),
        }
        if approver is not None:
            fields["second_person"] = msgspec.to_builtins(approver)
        if plan.break_glass:
            fields["break_glass"] = plan.break_glass
        if plan.undoes:
            fields["undoes"] = plan.undoes
        await self._append("intent", fields)
        await self._append("start", {"id": plan.plan_id, "state": "RUNNING", "executor": executor_mark()})

    async def second_person(
        self, request: ApprovalRequest, phase: str, *, sha256: str = "", approver: Approver | None = None, why: str = ""
    ) -> None:
        """Record what becomes of a request: asked, agreed to, denied, lapsed. Raises AuditUnavailable."""
        plan = request.plan
        fields: dict[str, Any] = {
            "id": plan.plan_id,
            "state": _WAITING.get(phase, "CONFIRMED"),
            "actor": self._actor.record(),
            "verb": plan.verb,
            "cluster": plan.cluster,
            "targets": [target.target for target in plan.targets],
            "params": dict(plan.params),
            "expires": request.expires,
        }
        if sha256:
            fields["sha256"] = sha256
        if approver is not None:
            fields["second_person"] = msgspec.to_builtins(approver)
        if why:
            fields["results"] = [{"target": target.target, "detail": why} for target in plan.targets]
        await self._append(phase, fields)

    async def answered(self, posted: Posted, verdict: str, approver: Approver, why: str) -> None:
        """Record that this operator has agreed to somebody's request, or denied it. Raises AuditUnavailable."""
        plan = posted.request.plan
        fields = {
            "id": f"{verdict}-{plan.plan_id}",
            "state": verdict.upper(),
            "actor": self._actor.record(),
            "request": plan.plan_id,
            "requester": posted.request.requester,
            "sha256": posted.sha256,
            "verb": plan.verb,
            "cluster": plan.cluster,
            "targets": [target.target for target in plan.targets],
            "params": dict(plan.params),
            "second_person": msgspec.to_builtins(approver),
            "why": why,
        }
        await self._append("answer", fields)

    def glass_since(self, incident: str, user: str) -> float | None:
        """When this operator first broke the glass under this incident; None when never. Reads the whole file."""
        broken = (
            float(record["ts"])
            for record in read(self.path)
            if record["phase"] == "intent" and record.get("break_glass") == incident
            if record.get("actor", {}).get("user") == user
        )
        return next(broken, None)

    async def ended(
        self, plan_id: str, state: ActionState, results: Sequence[TargetResult], *, settled: bool, phase: str = "end"
    ) -> None:
        """Record how it ended, or with phase `reconciled` what became of it. Raises AuditUnavailable."""
        fields: dict[str, Any] = {"id": plan_id, "state": state, "results": [_brief(result) for result in results]}
        if settled:
            fields["settled"] = True
        await self._append(phase, fields)

    async def _append(self, phase: str, fields: Mapping[str, Any]) -> None:
        await asyncio.to_thread(lambda: self._opened().append(phase, fields))

    def _opened(self) -> AuditLog:
        if self._log is None:
            self._log = AuditLog(self.path)
        return self._log


def _brief(result: TargetResult) -> dict[str, Any]:
    return {
        "target": result.target,
        "state": result.state,
        "detail": result.detail,
        "seen": result.seen,
        "saved": result.saved,
    }


def _reads_only(verb: str) -> bool:
    return verb in BY_NAME and BY_NAME[verb].reads_only
