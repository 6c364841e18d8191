"""Stand-ins for the two processes the screen talks to: they say what a test tells them to say."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Literal

from crashcart.backends import wire
from crashcart.ops.protocol import (
    ActionState,
    Answered,
    Confirmation,
    Finished,
    Impact,
    JobHit,
    Plan,
    Planned,
    Progress,
    Ready,
    Refused,
    TargetPlan,
    TargetResult,
)
from crashcart.ops.store import Store
from crashcart.ops.verbs import TargetKind

from .cluster import CLUSTER

Answer = Planned | Refused


class ScriptedCollector:
    """Applies what tests push."""

    def __init__(self, messages: Sequence[wire.Message] = ()) -> None:
        self._queue: asyncio.Queue[wire.Message | None] = asyncio.Queue()
        self.applied = asyncio.Event()
        self.focus = wire.Focus()
        for message in messages:
            self._queue.put_nowait(message)

    def push(self, *messages: wire.Message | None) -> None:
        """More messages; None is the death of the collector."""
        self.applied.clear()
        for message in messages:
            self._queue.put_nowait(message)

    def look_at(self, focus: wire.Focus) -> None:
        self.focus = focus

    async def run(self, store: Store, on_change: Callable[[frozenset[str]], None]) -> None:
        store.collector_up()
        on_change(frozenset(("source",)))
        while True:
            message = await self._queue.get()
            if message is None:
                store.collector_lost()
                on_change(frozenset(("source",)))
            else:
                changed = store.apply(message)
                if changed:
                    on_change(changed)
            if self._queue.empty():
                self.applied.set()


def plan(
    verb: str = "drain",
    targets: Sequence[str] = ("gpu004",),
    *,
    confirmation: Confirmation | None = None,
    reason: str = "xid 79",
    impact: Impact | None = None,
) -> Plan:
    """A preview as the executor makes it."""
    hit = JobHit("4713", "moe-8x22b", "carol", 24, 80_000.0, 9_000.0, 3)
    return Plan(
        plan_id="p1",
        verb=verb,
        title=f"{verb.capitalize()} {','.join(targets)}",
        cluster=CLUSTER,
        actor="alice",
        role="oncall",
        risk="medium",
        reason=reason,
        params={"reason": reason},
        targets=tuple(
            TargetPlan(target, (f"scontrol update nodename={target} state=drain",), "allocated") for target in targets
        ),
        impact=impact or Impact((hit,), ("carol",), 24, 60.0, ("train: 10 of 12 nodes stay in service (83 %)",)),
        confirmation=confirmation or Confirmation("type-name", targets[0], "Type the node's name"),
        undo=f"resume {targets[0]}",
    )


class ScriptedExecutor:
    """Answers plans with what the test wrote, and ends actions when the test says so."""

    def __init__(self, answer: Answer | None = None) -> None:
        self.answer: Answer = answer or Planned("r1", plan())
        self.planned: list[tuple[str, str, tuple[str, ...], dict[str, str]]] = []
        self.kinds: list[TargetKind | None] = []
        self.confirmed: list[tuple[str, str, str]] = []
        self.cancelled: list[str] = []
        self.undone: list[str] = []
        self.answered: list[tuple[str, str, str, str]] = []
        self.ready: Ready | None = None
        self.on_shell_output: Callable[[str, bytes], None] | None = None
        self.on_news: Callable[[Finished], None] | None = None
        self.may_plan = asyncio.Event()
        self.may_plan.set()
        self._end: asyncio.Future[Finished | Refused] | None = None
        self._on_progress: Callable[[Progress], None] | None = None

    async def warm(self) -> None:
        self.ready = Ready(1, "alice", "a test")

    async def plan(
        self,
        cluster: str,
        verb: str,
        targets: tuple[str, ...],
        params: dict[str, str] | None = None,
        kind: TargetKind | None = None,
    ) -> Planned | Refused:
        self.kinds.append(kind)
        self.planned.append((cluster, verb, targets, dict(params or {})))
        await self.may_plan.wait()
        return self.answer

    async def undo(self, action_id: str = "") -> Answer:
        self.undone.append(action_id)
        return self.answer

    async def answer_request(
        self, approval_id: str, sha256: str, verdict: Literal["approved", "denied"], why: str = ""
    ) -> Answered | Refused:
        self.answered.append((approval_id, sha256, verdict, why))
        return Answered("a1", "written")

    async def confirm(
        self,
        plan_id: str,
        typed: str,
        foreign_typed: str = "",
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Finished | Refused:
        self.confirmed.append((plan_id, typed, foreign_typed))
        self._on_progress = on_progress
        self._end = asyncio.get_running_loop().create_future()
        return await self._end

    def report(self, target: str, state: ActionState, detail: str = "") -> None:
        """One target went on."""
        assert self._on_progress is not None
        self._on_progress(Progress("p1", target, state, detail))

    def end(self, state: ActionState, *results: TargetResult) -> None:
        """The action ended."""
        assert self._end is not None
        self._end.set_result(Finished("p1", "drain", state, results))

    async def cancel(self, plan_id: str) -> None:
        self.cancelled.append(plan_id)

    def shell_input(self, plan_id: str, data: bytes) -> None:
        raise AssertionError("no shell in these tests")

    def shell_resize(self, plan_id: str, columns: int, rows: int) -> None:
        raise AssertionError("no shell in these tests")

    async def close(self) -> None:
        return
