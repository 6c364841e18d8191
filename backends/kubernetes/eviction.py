"""Moves pods off a node: asks for each, waits while budgets block, and is done when the pods are gone.

An eviction that was accepted goes on whatever becomes of us; a pod that is terminating still holds its GPUs. So the end
is what the node's list of pods says, never that an answer came.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from crashcart.backends.contract import CommandResult
from crashcart.backends.errors import BackendError, Unreachable

from .asking import Asking, each
from .client import Reply
from .eviction_answer import Answer, answer_of, eviction
from .failures import NoAnswer, NotSent
from .node_pods import OVER, NodePods
from .outcome import failed
from .shapes import RawPod

LOOK_SECONDS = 1.0
LOST_SECONDS = 30.0
"""A link that is away for longer is given up: what was accepted goes on without us."""

_LAST_CALL_SECONDS = 10.0
_SURE_AFTER_LOOKS = 2
_NAMED = 3


@dataclass(slots=True)
class Leaving:
    """One pod on its way off the node."""

    namespace: str
    name: str
    uid: str
    is_gone: bool = False
    is_terminating: bool = False
    was_sent: bool = False
    answer: Answer | None = None
    again_at: float = 0.0
    looks_since: int = 0  # looks at the node since its last answer

    @property
    def title(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def is_settled(self) -> bool:
        """Nothing more is to be sent for it and nothing awaited."""
        if self.is_gone:
            return True
        return not self.is_terminating and self.answer is not None and self.answer.outcome == "refused"

    @property
    def words(self) -> str:
        """How it stands, for people."""
        if self.is_terminating:
            return f"{self.title} is still terminating"
        why = self.answer.why if self.answer is not None else "its turn did not come"
        if self.answer is not None and self.answer.outcome == "open":
            return f"{self.title}: whether it was evicted is not known ({why})"
        return f"{self.title} was not evicted: {why or 'it is still there'}"

    @property
    def waits(self) -> str:
        """What it waits for, short, or "" when it needs no words."""
        if self.is_gone or self.is_terminating or self.answer is None:
            return ""
        return f"{self.name} waits: {self.answer.why}" if self.answer.outcome in ("blocked", "busy") else ""


@dataclass(slots=True)
class Eviction:
    """One eviction of some pods of one node; `once` tries a blocked pod no second time."""

    asking: Asking
    pods: NodePods
    wanted: Sequence[tuple[str, str]]
    once: bool
    told: Callable[[str], None]
    leaving: list[Leaving] = field(default_factory=list)
    said: str = ""
    last_look: float = 0.0
    lost: str = ""  # why the last look failed

    async def run(self, seconds: float) -> CommandResult:
        """Evict until all are gone, nothing more can be done, or the time is up. Raises BackendError before that."""
        ends = time.monotonic() + seconds
        self.leaving = await self._begin()
        try:
            async with asyncio.timeout(seconds + _LAST_CALL_SECONDS):
                await self._go_on(ends)
        except TimeoutError:
            self.lost = self.lost or "no answer came in time"
        return self._end(seconds)

    async def _begin(self) -> list[Leaving]:
        here = {(pod.metadata.namespace, pod.metadata.name): pod for pod in await self.pods.read()}
        self.last_look = time.monotonic()
        return [_leaving(place, here.get(place)) for place in self.wanted]

    async def _go_on(self, ends: float) -> None:
        while True:
            self._tell()
            now = time.monotonic()
            due = [pod for pod in self.leaving if self._is_due(pod, now)] if now < ends else []
            await each(self._send, due)
            await self._look()
            self._tell()
            is_lost = bool(self.lost) and time.monotonic() - self.last_look > LOST_SECONDS
            if self._is_over() or is_lost or time.monotonic() >= ends:
                return
            await asyncio.sleep(min(LOOK_SECONDS, max(0.0, ends - time.monotonic())))

    def _is_due(self, pod: Leaving, now: float) -> bool:
        if pod.is_gone or pod.is_terminating:
            return False
        if pod.answer is None:
            return True
        if pod.answer.outcome == "busy":
            return now >= pod.again_at
        return pod.answer.outcome == "blocked" and not self.once and now >= pod.again_at

    async def _send(self, pod: Leaving) -> None:
        path = f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}/eviction"
        try:
            reply = await self.asking.post(
                path, eviction(pod.name, pod.uid, is_dry=False), what=f"eviction of {pod.title}"
            )
            self._note(pod, reply)
        except NoAnswer as error:
            pod.was_sent, pod.answer = True, Answer("open", str(error))
        except NotSent as error:
            pod.answer = Answer("busy", str(error), 1.0)
            pod.again_at = time.monotonic() + 1.0
        except BackendError as error:
            pod.answer = Answer("refused", str(error))
        pod.looks_since = 0

    def _note(self, pod: Leaving, reply: Reply) -> None:
        if reply.status == 401:
            pod.answer = Answer("refused", str(self.asking.client.refusal(reply, "eviction")))
            return
        pod.was_sent = True
        pod.answer = answer = answer_of(reply)
        pod.is_gone = answer.outcome == "gone"
        pod.is_terminating = answer.outcome == "evicts"
        pod.again_at = time.monotonic() + (answer.again_seconds or 0.0)

    async def _look(self) -> None:
        try:
            here = {pod.metadata.uid: pod for pod in await self.pods.read()}
        except Unreachable as error:
            self.lost = str(error)
            return
        except BackendError as error:
            self.lost = f"the pods of the node can no longer be read: {error}"
            return
        self.lost, self.last_look = "", time.monotonic()
        for pod in self.leaving:
            pod.looks_since += 1
            found = here.get(pod.uid)
            pod.is_gone = pod.is_gone or found is None or found.status.phase in OVER
            pod.is_terminating = found is not None and found.metadata.deletion_timestamp is not None
            if pod.answer is not None and pod.answer.outcome == "open" and pod.looks_since > _SURE_AFTER_LOOKS:
                pod.answer = Answer("refused", pod.answer.why)  # it is there as before: nothing came of it

    def _is_over(self) -> bool:
        return all(pod.is_settled or self._is_given_up(pod) for pod in self.leaving)

    def _is_given_up(self, pod: Leaving) -> bool:
        blocked = pod.answer is not None and pod.answer.outcome == "blocked"
        return self.once and blocked and not pod.is_terminating

    def _tell(self) -> None:
        news = self._standing()
        if news != self.said:
            self.said = news
            self.told(news)

    def _standing(self) -> str:
        """`3 of 8 pods gone, 1 terminating, llm-0 waits: budget llm needs 63 healthy pods and has 63`."""
        gone = sum(pod.is_gone for pod in self.leaving)
        parts = [f"{gone} of {len(self.leaving)} pods gone"]
        if terminating := sum(pod.is_terminating and not pod.is_gone for pod in self.leaving):
            parts.append(f"{terminating} terminating")
        waiting = [pod.waits for pod in self.leaving if pod.waits]
        parts += waiting[:1]
        if len(waiting) > 1:
            parts.append(f"{len(waiting) - 1} more wait")
        if self.lost:
            parts.append(f"link lost: {self.lost}")
        return ", ".join(parts)

    def _end(self, seconds: float) -> CommandResult:
        left = [pod for pod in self.leaving if not pod.is_gone]
        gone = f"{len(self.leaving) - len(left)} of {len(self.leaving)} pods are gone"
        if not left:
            return CommandResult("ok", None, detail=gone)
        if self.lost and not any(pod.was_sent for pod in self.leaving):
            raise NotSent(self.lost)
        if self.lost:
            return CommandResult("unknown", None, detail=f"the link was lost ({self.lost}); {gone} as far as is known")
        named = "; ".join(pod.words for pod in left[:_NAMED])
        more = f"; and {len(left) - _NAMED} more" if len(left) > _NAMED else ""
        result = failed(f"{named}{more}; {gone}, and what was evicted stays evicted (after {seconds:.0f} s)")
        return CommandResult("unknown", None, detail=result.detail) if any(map(_is_open, left)) else result


def _leaving(place: tuple[str, str], found: RawPod | None) -> Leaving:
    if found is None:
        return Leaving(*place, uid="", is_gone=True)
    return Leaving(*place, uid=found.metadata.uid, is_terminating=found.metadata.deletion_timestamp is not None)


def _is_open(pod: Leaving) -> bool:
    return pod.answer is not None and pod.answer.outcome == "open" and not pod.is_terminating
