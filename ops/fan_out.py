"""Runs one action over its targets: a few at a time, every one told about, no more started when too many go wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from crashcart.backends.text import clean

from .protocol import ActionState, Progress, TargetResult

AT_ONCE = 8
STOP_AFTER = 3
"""Targets that may go wrong before no more are started."""

Report = Callable[[Progress], None]
One = Callable[[str], Coroutine[Any, Any, TargetResult]]


class FanOut:
    """One run over many targets. `stop` starts no more of them; what runs, runs to its end."""

    def __init__(self, plan_id: str, report: Report) -> None:
        self._plan_id = plan_id
        self._report = report
        self._room = asyncio.Semaphore(AT_ONCE)
        self._bad = 0
        self._stopped = ""

    def stop(self, why: str) -> None:
        """Start no more targets; the first reason given is kept."""
        self._stopped = self._stopped or why

    async def run(self, targets: Sequence[str], one: One) -> tuple[TargetResult, ...]:
        """Await `one(target)` for each and return the results in the order of `targets`."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._turn(target, one), name=f"target {target}") for target in targets]
        return tuple(task.result() for task in tasks)

    def tell(self, target: str, state: ActionState, detail: str = "") -> None:
        """Report how a target is doing."""
        self._report(Progress(self._plan_id, target, state, detail))

    async def _turn(self, target: str, one: One) -> TargetResult:
        async with self._room:
            if self._stopped:
                result = TargetResult(target, "CANCELLED", f"not started: {self._stopped}")
            else:
                self.tell(target, "RUNNING")
                result = await _guarded(target, one)
            if result.state in ("FAILED", "UNKNOWN"):
                self._bad += 1
                if self._bad >= STOP_AFTER:
                    self.stop(f"{self._bad} targets went wrong")
        self.tell(target, result.state, result.detail)
        return result


def overall(results: Sequence[TargetResult]) -> ActionState:
    """One state for all targets: the common one; FAILED when nothing worked; else PARTIAL."""
    states = {result.state for result in results}
    if len(states) == 1:
        return states.pop()
    if states <= {"FAILED", "CANCELLED"}:
        return "FAILED"
    return "PARTIAL"


async def _guarded(target: str, one: One) -> TargetResult:
    try:
        return await one(target)
    except Exception as error:  # noqa: BLE001 - the runner is a supervisor: a fault in one target must not leave the rest unrecorded
        why = clean(f"{type(error).__name__}: {error}", limit=200)
        return TargetResult(target, "UNKNOWN", f"a fault in crashcart itself ({why}): look at the target yourself")
