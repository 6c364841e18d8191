"""One confirmed action while it runs: over its targets, to its end on record, and on to what becomes of the unknown."""

from __future__ import annotations

from pathlib import Path

import msgspec

from crashcart.backends.errors import BackendError
from crashcart.backends.text import clean

from .action_record import ActionRecords
from .actions.base import Changing, Reading
from .audit import AuditUnavailable
from .change_target import Attempt, TargetChange
from .clock import Clock
from .fan_out import FanOut, overall
from .planning import Prepared
from .protocol import Finished, Progress, ShellOutput, TargetResult
from .read_back import look
from .replies import Replies
from .shells import Shell

RECONCILE_SECONDS = (5.0, 15.0, 60.0)
"""When an unknown outcome is looked at again; a cut link is mostly back within these."""


class ActionRun:
    """Runs once. The start is on record before this is made."""

    def __init__(
        self, prepared: Prepared, records: ActionRecords, clock: Clock, replies: Replies, folder: Path
    ) -> None:
        self._prepared = prepared
        self._records = records
        self._clock = clock
        self._replies = replies
        self._folder = folder
        self._plan_id = prepared.plan.plan_id
        self._fan = FanOut(self._plan_id, replies)
        self._attempts: dict[str, Attempt] = {}
        self._results: tuple[TargetResult, ...] = ()
        self._targets = tuple(target.target for target in prepared.plan.targets)
        self._cluster = prepared.plan.cluster
        self.shell: Shell | None = None

    async def run(self) -> Finished:
        """Run all targets and record the end."""
        self._results = await self._fan.run(self._targets, self._one)
        try:
            await self._record("end")
        except AuditUnavailable as error:
            lost = f"the end could not be recorded: {error}"
            self._results = tuple(
                msgspec.structs.replace(result, detail="; ".join(filter(None, (result.detail, lost))))
                for result in self._results
            )
        return self._finished()

    def cancel(self, why: str) -> None:
        """Start no more targets; hang up a shell."""
        self._fan.stop(why)
        self.hang_up()

    def hang_up(self) -> None:
        """Close the shell of this action, if it has one."""
        if self.shell is not None:
            self.shell.close()

    async def reconcile(self) -> None:
        """Go on looking at targets whose outcome is unknown; tell and record what becomes of them."""
        for pause in RECONCILE_SECONDS:
            open_attempts = [attempt for attempt in self._attempts.values() if _is_open(attempt)]
            if not open_attempts:
                return
            await self._clock.sleep(pause)
            if await self._look_again(open_attempts):
                await self._tell_news()

    async def _one(self, target: str) -> TargetResult:
        action, scene = self._prepared.action, self._prepared.scene
        if isinstance(action, Changing):
            return await self._change(target, action)
        if isinstance(action, Reading):
            try:
                return await action.collect(target, scene, self._folder / "diagnostics")
            except BackendError as error:
                return TargetResult(target, "FAILED", f"not run: {error}")
        return await self._open_shell(target)

    async def _change(self, target: str, action: Changing) -> TargetResult:
        change = TargetChange(
            target,
            action,
            self._prepared.scene,
            self._clock,
            self._prepared.verb.idempotent,
            lambda: self._fan.tell(target, "VERIFYING"),
            lambda news: self._fan.tell(target, "RUNNING", clean(news, limit=200)),
        )
        attempt = await change.run()
        self._attempts[target] = attempt
        return attempt.result

    async def _open_shell(self, target: str) -> TargetResult:
        scene = self._prepared.scene
        if scene.powers.shells is None:
            return TargetResult(target, "FAILED", f"nothing in {self._cluster} can open a shell")
        path = self._folder / "recordings" / f"{self._plan_id}-{target}.cast"
        self.shell = Shell(target, scene.host(target), path, self._clock, self._show)
        return await self.shell.run(scene.powers.shells, scene.params)

    async def _show(self, data: bytes) -> None:
        self._replies(ShellOutput(self._plan_id, data))
        await self._replies.flush()

    async def _look_again(self, attempts: list[Attempt]) -> bool:
        """Look once at each; return whether any was decided."""
        decided = False
        for attempt in attempts:
            seen = None if attempt.proof is None else await look(attempt.proof)
            if seen is None or isinstance(seen, str) or seen.outcome not in ("reached", "impossible"):
                continue
            state = "VERIFIED" if seen.outcome == "reached" else "FAILED"
            result = msgspec.structs.replace(attempt.result, state=state, seen=seen.text, detail=seen.detail)
            self._attempts[result.target] = Attempt(result)
            decided = True
        return decided

    async def _tell_news(self) -> None:
        news = {target: attempt.result for target, attempt in self._attempts.items()}
        for old in self._results:
            new = news.get(old.target, old)
            if new != old:
                self._replies(Progress(self._plan_id, new.target, new.state, new.detail))
        self._results = tuple(news.get(old.target, old) for old in self._results)
        try:
            await self._record("reconciled")
        except AuditUnavailable:  # the log goes on saying UNKNOWN, and the next start looks again
            return
        self._replies(self._finished())

    async def _record(self, phase: str) -> None:
        unknown = [result.target for result in self._results if result.state == "UNKNOWN"]
        settled = bool(unknown) and all(map(self._is_settled, unknown))
        await self._records.ended(self._plan_id, overall(self._results), self._results, settled=settled, phase=phase)

    def _is_settled(self, target: str) -> bool:
        """Whether no reading can tell more about an unknown outcome: it changed nothing, or leaves nothing to read."""
        if not isinstance(self._prepared.action, Changing):
            return True
        return target in self._attempts and self._attempts[target].is_settled

    def _finished(self) -> Finished:
        return Finished(self._plan_id, self._prepared.verb.name, overall(self._results), self._results)


def _is_open(attempt: Attempt) -> bool:
    return attempt.result.state == "UNKNOWN" and attempt.proof is not None and not attempt.is_settled
