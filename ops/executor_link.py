"""The cockpit's end of the executor: asks, and says plainly when nobody is left to answer.

The executor is started when first needed, in a session of its own, so that a lost terminal cannot reach it. When it
dies in the middle of an action the outcome is UNKNOWN, never a failure and never a success.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Literal
from uuid import uuid4

import msgspec

from .protocol import (
    LINE_LIMIT,
    Answered,
    AnswerRequest,
    CancelRequest,
    ConfirmRequest,
    Finished,
    OpenAction,
    OpenActions,
    OpenActionsRequest,
    Plan,
    Planned,
    PlanRequest,
    Progress,
    Ready,
    Refused,
    Reply,
    Request,
    ShellInput,
    ShellOutput,
    ShellResize,
    TargetResult,
    UndoRequest,
    decode_reply,
    encode_line,
)
from .session import Session, encode_session
from .verbs import TargetKind

DIED = "the executor ended unexpectedly"
CLOSE_SECONDS = 1.0

OnProgress = Callable[[Progress], None]


class ExecutorLink:
    """One executor, started lazily and again after it died. All methods belong to one event loop.

    `on_shell_output(plan_id, data)` gets the bytes of an open shell; `on_news(finished)` gets a second end of an action
    whose outcome was unknown and has been read back since.
    """

    def __init__(self, session: Session, *, log: Path | None = None) -> None:
        self._session = session
        self._log = log or Path(session.audit_file).with_name("executor.log")
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self._asked: dict[str, asyncio.Future[Reply]] = {}
        self._confirmed: dict[str, asyncio.Future[Finished | Refused]] = {}
        self._progress: dict[str, OnProgress] = {}
        self._plans: dict[str, Plan] = {}
        self.ready: Ready | None = None
        self.on_shell_output: Callable[[str, bytes], None] | None = None
        self.on_news: Callable[[Finished], None] | None = None

    async def warm(self) -> None:
        """Start the executor unless it runs; worth calling when a confirmation is about to open."""
        async with self._starting:
            if self._writer is None:
                await self._start()

    async def plan(
        self,
        cluster: str,
        verb: str,
        targets: tuple[str, ...],
        params: dict[str, str] | None = None,
        kind: TargetKind | None = None,
    ) -> Planned | Refused:
        """Ask for the preview of an action; `targets` are single names, `kind` what they are."""
        request = PlanRequest(uuid4().hex, cluster, verb, targets, params or {}, kind)
        return await self._planned(request.request_id, request)

    async def undo(self, action_id: str = "") -> Planned | Refused:
        """Ask for the preview of what takes an action back: the one named, or the operator's own last one."""
        request = UndoRequest(uuid4().hex, action_id)
        return await self._planned(request.request_id, request)

    async def answer_request(
        self, approval_id: str, sha256: str, verdict: Literal["approved", "denied"], why: str = ""
    ) -> Answered | Refused:
        """Agree to another operator's request, or deny it; `sha256` is the hash of what was shown."""
        request = AnswerRequest(uuid4().hex, approval_id, sha256, verdict, why)
        reply = await self._ask(request.request_id, request)
        return reply if isinstance(reply, Answered) else _as_refused(reply, request.request_id)

    async def confirm(
        self, plan_id: str, typed: str, foreign_typed: str = "", on_progress: OnProgress | None = None
    ) -> Finished | Refused:
        """Run a plan and return how it ended; `on_progress` hears of every target in between."""
        if self._writer is None:
            return Refused(plan_id, "expired", f"{DIED}, and the plan with it; nothing was done")
        future: asyncio.Future[Finished | Refused] = asyncio.get_running_loop().create_future()
        self._confirmed[plan_id] = future
        if on_progress is not None:
            self._progress[plan_id] = on_progress
        self._send(ConfirmRequest(plan_id, typed, foreign_typed))
        return await future

    async def cancel(self, plan_id: str) -> None:
        """Forget a plan, or start no more targets of a running action."""
        self._send(CancelRequest(plan_id))

    async def open_actions(self) -> tuple[OpenAction, ...]:
        """Actions without a known end, by the audit log; empty when the executor cannot say."""
        request = OpenActionsRequest(uuid4().hex)
        reply = await self._ask(request.request_id, request)
        return reply.actions if isinstance(reply, OpenActions) else ()

    def shell_input(self, plan_id: str, data: bytes) -> None:
        """Type into an open shell."""
        self._send(ShellInput(plan_id, data))

    def shell_resize(self, plan_id: str, columns: int, rows: int) -> None:
        """Tell an open shell its size."""
        self._send(ShellResize(plan_id, columns, rows))

    async def close(self) -> None:
        """Leave. What runs in the executor runs to its end without us."""
        if self._writer is not None:
            self._writer.close()
        if self._reading is not None:
            await self._reading

    async def _start(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs, _opened(self._log) as stderr:
            # No asyncio subprocess: its transport kills the child when our loop closes, and the child must outlive us.
            process = subprocess.Popen(  # noqa: S603, ASYNC220 - our own interpreter and module; a fork takes 1 ms
                [sys.executable, "-P", "-m", "crashcart.ops.executor", "--fd", str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                start_new_session=True,
            )
        reader, self._writer = await asyncio.open_unix_connection(sock=ours, limit=LINE_LIMIT)
        self._writer.write(encode_session(self._session) + b"\n")
        self._reading = asyncio.create_task(self._read(reader, self._writer, process), name="executor replies")

    async def _planned(self, request_id: str, request: Request) -> Planned | Refused:
        reply = await self._ask(request_id, request)
        if isinstance(reply, Planned):
            self._plans[reply.plan.plan_id] = reply.plan
        return reply if isinstance(reply, Planned) else _as_refused(reply, request_id)

    async def _ask(self, request_id: str, request: Request) -> Reply:
        await self.warm()
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._asked[request_id] = future
        self._send(request)
        return await future

    def _send(self, request: Request) -> None:
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(encode_line(request) + b"\n")

    async def _read(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, process: subprocess.Popen[bytes]
    ) -> None:
        try:
            while line := await reader.readline():
                self._take(decode_reply(line))
        except (ConnectionError, ValueError, msgspec.DecodeError):  # gone, or it talks nonsense: both end the link
            pass
        finally:
            writer.close()
            self._writer = None
            self.ready = None
            self._give_up()
        with suppress(subprocess.TimeoutExpired):  # one that is busy lives on; its end is in the audit log
            await asyncio.to_thread(process.wait, CLOSE_SECONDS)

    def _take(self, reply: Reply) -> None:
        match reply:
            case Ready():
                self.ready = reply
            case Planned(request_id) | OpenActions(request_id) | Answered(request_id):
                _resolve(self._asked.pop(request_id, None), reply)
            case Refused(request_id):
                _resolve(self._asked.pop(request_id, None), reply)
                self._end(request_id, reply)
            case Progress(plan_id):
                if plan_id in self._progress:
                    self._progress[plan_id](reply)
            case Finished(plan_id):
                if plan_id not in self._confirmed and self.on_news is not None:
                    self.on_news(reply)
                self._end(plan_id, reply)
            case ShellOutput(plan_id, data):
                if self.on_shell_output is not None:
                    self.on_shell_output(plan_id, data)

    def _end(self, plan_id: str, reply: Finished | Refused) -> None:
        self._progress.pop(plan_id, None)
        future = self._confirmed.pop(plan_id, None)
        if future is not None and not future.done():
            future.set_result(reply)

    def _give_up(self) -> None:
        """Answer everybody who waits: nothing was planned; what was confirmed may or may not have happened."""
        for request_id, asked in list(self._asked.items()):
            _resolve(asked, Refused(request_id, "unreachable", f"{DIED}; nothing was done; its log is {self._log}"))
        self._asked.clear()
        for plan_id in list(self._confirmed):
            self._end(plan_id, _unknown(self._plans.get(plan_id), plan_id))
        self._plans.clear()


def _unknown(plan: Plan | None, plan_id: str) -> Finished:
    why = f"{DIED}; it may or may not have happened: look at the target before you go on"
    targets = () if plan is None else plan.targets
    results = tuple(TargetResult(target.target, "UNKNOWN", why) for target in targets)
    return Finished(plan_id, "" if plan is None else plan.verb, "UNKNOWN", results)


def _as_refused(reply: Reply, request_id: str) -> Refused:
    return reply if isinstance(reply, Refused) else Refused(request_id, "unreachable", "the executor made no sense")


def _resolve(future: asyncio.Future[Reply] | None, reply: Reply) -> None:
    if future is not None and not future.done():
        future.set_result(reply)


def _opened(log: Path) -> BinaryIO:
    try:
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return log.open("ab")
    except OSError:  # the log is for faults of ours; an executor without one is better than none
        return Path(os.devnull).open("wb")
