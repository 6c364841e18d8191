"""Changes one target and proves it. What the command said is never the result; what is read back afterwards is.

Not sent: nothing happened. Refused: looked at for a moment, then FAILED. No answer: it may or may not have run, so only
reading back can tell, and only an idempotent verb is sent once more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from crashcart.backends.contract import Change, CommandResult, TellingApplier
from crashcart.backends.errors import BackendError, Denied, Malformed
from crashcart.backends.text import clean

from .actions.base import Changing, Proof, Scene, Seen
from .clock import Clock
from .protocol import TargetResult
from .read_back import read_back

APPLY_SECONDS = 30.0
GRACE_SECONDS = 15.0  # on top, before a backend that breaks its own deadline is given up
SHORT_LOOK_SECONDS = 3.0
RETRY_PAUSE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """How one target went, with the proof to go on looking when it is not decided."""

    result: TargetResult
    proof: Proof | None = None
    is_settled: bool = False  # no reading can ever tell more


@dataclass(frozen=True, slots=True)
class TargetChange:
    """All that changing one target needs."""

    target: str
    action: Changing
    scene: Scene
    clock: Clock
    is_idempotent: bool
    verifying: Callable[[], None]
    told: Callable[[str], None]  # how far a long change has come

    async def run(self) -> Attempt:
        """Apply, retry where that is safe, read back."""
        proof = self.action.proof(self.target, self.scene)
        try:
            await proof.prepare()
        except BackendError as error:
            return Attempt(TargetResult(self.target, "FAILED", f"nothing was sent: {error}"))
        sent = await self._send()
        if sent.state == "not_sent" and self.is_idempotent:
            await self.clock.sleep(RETRY_PAUSE_SECONDS)
            sent = await self._send()
        if sent.state == "not_sent":
            why = f"nothing was sent: {clean(sent.detail, limit=300)}"
            return Attempt(TargetResult(self.target, "FAILED", why))
        self.verifying()
        if sent.state == "unknown" and self.is_idempotent:
            seen = await read_back(proof, self.clock, SHORT_LOOK_SECONDS)
            if not _is_reached(seen):
                sent = _later(sent, await self._send())
        return self._judge(sent, await read_back(proof, self.clock, self._patience(sent)), proof)

    def _patience(self, sent: CommandResult) -> float:
        if sent.state == "failed":
            return SHORT_LOOK_SECONDS
        return self.action.deadline_seconds(self.target, self.scene)

    async def _send(self) -> CommandResult:
        """Apply the changes in order up to the first that is not `ok`; its result is the result."""
        result = CommandResult("not_sent", None, detail="there is nothing to do")
        for number, change in enumerate(self.action.changes(self.target, self.scene)):
            result = await self._apply(change)
            if result.state == "not_sent" and number:
                return CommandResult("failed", None, detail=f"{change.text} was not sent: {result.detail}")
            if result.state != "ok":
                break
        return result

    async def _apply(self, change: Change) -> CommandResult:
        applier = self.scene.powers.applier(change, self.action.power(self.target, self.scene))
        if applier is None:
            return CommandResult("not_sent", None, detail=f"nothing in {self.scene.cluster.name} can run changes")
        seconds = change.seconds or APPLY_SECONDS
        try:
            async with asyncio.timeout(seconds + GRACE_SECONDS):
                if isinstance(applier, TellingApplier):
                    return await applier.apply_telling(change, timeout=seconds, told=self.told)
                return await applier.apply(change, timeout=seconds)
        except TimeoutError:
            return CommandResult("unknown", None, detail="no end within its deadline")
        except Malformed as error:
            return CommandResult("unknown", None, detail=str(error))
        except Denied as error:
            return CommandResult("failed", None, detail=str(error))
        except BackendError as error:  # Unreachable and Unsupported are raised before anything is sent
            return CommandResult("not_sent", None, detail=str(error))

    def _judge(self, sent: CommandResult, seen: Seen | str, proof: Proof) -> Attempt:
        said = f"the command was refused: {_words(sent)}" if sent.state == "failed" else ""
        if isinstance(seen, str):
            result = TargetResult(self.target, "UNKNOWN", "; ".join(filter(None, (said, f"not read back: {seen}"))))
            return Attempt(result, proof)
        if seen.outcome == "reached" and (sent.state != "failed" or self.is_idempotent):
            detail = f"{said}; it is so all the same" if said else seen.detail
            return Attempt(TargetResult(self.target, "VERIFIED", detail, seen.text))
        if said or seen.outcome == "impossible":
            return Attempt(TargetResult(self.target, "FAILED", said or seen.detail, seen.text))
        if seen.outcome == "unprovable":
            return Attempt(TargetResult(self.target, "UNKNOWN", seen.detail, seen.text), is_settled=True)
        return self._unseen(sent, seen, proof)

    def _unseen(self, sent: CommandResult, seen: Seen, proof: Proof) -> Attempt:
        if sent.state == "unknown":
            why = f"no answer came back ({_words(sent)}) and no effect is seen; it may still happen"
            return Attempt(TargetResult(self.target, "UNKNOWN", why, seen.text), proof)
        why = seen.detail or "the command was accepted, its effect is not seen"
        why = f"{why} (after {self._patience(sent):.0f} s)"
        return Attempt(TargetResult(self.target, self.action.when_unseen, why, seen.text), proof)


def _later(first: CommandResult, second: CommandResult) -> CommandResult:
    """A second sending that did not leave says nothing about the first, which may have run."""
    return first if second.state == "not_sent" else second


def _is_reached(seen: Seen | str) -> bool:
    return isinstance(seen, Seen) and seen.outcome == "reached"


def _words(sent: CommandResult) -> str:
    """What is known of a command's end; a backend's own words are clearer than the raw ones of the tool."""
    raw = clean(sent.stderr or sent.stdout, limit=300, multiline=True).strip().replace("\n", "; ")
    return clean(sent.detail, limit=300) or raw or f"exit status {sent.exit_status}"
