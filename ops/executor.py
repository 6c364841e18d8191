"""The executor process: the only one that changes a cluster, in a session of its own, and it outlives its cockpit.

`python -m crashcart.ops.executor --fd N` reads the session and then requests from an inherited socket. The end of that
socket is the one sign that the cockpit has gone: what runs is finished, read back and recorded, shells are hung up, and
only then the process ends.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import socket
from contextlib import suppress

import msgspec

from crashcart.backends.errors import BackendError
from crashcart.backends.text import clean

from .actor import current_actor
from .approvals_desk import approval_desk
from .clock import SystemClock
from .links import SessionLinks
from .policy import Policy, nothing_allowed
from .policy_load import PolicyError, policy_of
from .powers import ClusterPowers, build_powers
from .protocol import (
    LINE_LIMIT,
    AnswerRequest,
    CancelRequest,
    ConfirmRequest,
    Finished,
    OpenActions,
    OpenActionsRequest,
    PlanRequest,
    Ready,
    Refused,
    Request,
    ShellInput,
    ShellResize,
    UndoRequest,
    decode_request,
)
from .replies import LineReplies
from .runner import Runner
from .session import Session, decode_session

log = logging.getLogger("crashcart.executor")

Asking = PlanRequest | ConfirmRequest | OpenActionsRequest | UndoRequest | AnswerRequest
"""Requests that take their time."""


class PowersShelf:
    """Powers of each cluster, made when first asked for and kept."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._links: dict[str, SessionLinks] = {}
        self._powers: dict[str, ClusterPowers] = {}

    def __call__(self, name: str) -> ClusterPowers:
        """The powers of the cluster. Raises BackendError when a backend cannot be loaded as configured."""
        if name not in self._powers:
            cluster = self._session.cluster(name)
            links = self._links.setdefault(name, SessionLinks(cluster))
            self._powers[name] = build_powers(cluster, links)
        return self._powers[name]

    def warm(self) -> None:
        """Import what the clusters need while nobody waits; whoever asks later hears what is wrong."""
        for cluster in self._session.clusters:
            with suppress(BackendError):
                self(cluster.name)

    async def close(self) -> None:
        """Let go of all connections."""
        for powers in self._powers.values():
            await powers.close()
        for links in self._links.values():
            await links.close()


class Executor:
    """Serves one cockpit until it closes, and its actions until they have ended."""

    def __init__(self, runner: Runner, replies: LineReplies) -> None:
        self._runner = runner
        self._replies = replies
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, stop: asyncio.Event) -> None:
        """Answer until the end of `reader` or until `stop`, then see everything through that was begun."""
        while line := await _line(reader, stop):
            try:
                request = decode_request(line)
            except msgspec.DecodeError as error:
                self._replies(Refused("", "usage", f"not a request: {clean(str(error), limit=200)}"))
                continue
            self._take(request)
        self._runner.hang_up()
        while self._tasks:
            await asyncio.wait(self._tasks)
        await self._runner.settle()

    def _take(self, request: Request) -> None:
        match request:
            case PlanRequest() | ConfirmRequest() | OpenActionsRequest() | UndoRequest() | AnswerRequest():
                self._start(request)
            case CancelRequest(plan_id):
                self._runner.cancel(plan_id)
            case ShellInput(plan_id, data):
                self._runner.shell_input(plan_id, data)
            case ShellResize(plan_id, columns, rows):
                self._runner.shell_resize(plan_id, columns, rows)

    async def _answer(self, request: Asking) -> None:
        match request:
            case PlanRequest():
                self._replies(await self._runner.plan(request))
            case ConfirmRequest():
                self._replies(await self._runner.confirm(request))
            case OpenActionsRequest(request_id):
                self._replies(OpenActions(request_id, await self._runner.open_actions()))
            case UndoRequest():
                self._replies(await self._runner.undo(request))
            case AnswerRequest():
                self._replies(await self._runner.answer(request))

    def _start(self, request: Asking) -> None:
        task = asyncio.create_task(self._answer(request))
        self._tasks.add(task)
        task.add_done_callback(lambda ended: self._ended(ended, request))

    def _ended(self, task: asyncio.Task[None], request: Asking) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is None:
            return
        log.error("a request failed", exc_info=error)
        if isinstance(request, ConfirmRequest):  # it may have begun to run, so this is no refusal
            self._replies(Finished(request.plan_id, "", "UNKNOWN", ()))
        else:
            why = f"a fault in crashcart itself: {clean(str(error), limit=200)}"
            self._replies(Refused(request.request_id, "unavailable", why))


async def execute(
    session: Session, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, stop: asyncio.Event
) -> None:
    """Serve one cockpit with the backends of its session."""
    replies = LineReplies(writer)
    shelf = PowersShelf(session)
    policy = _policy(session)
    actor = current_actor()
    runner = Runner(session, shelf, policy, actor, SystemClock(), replies, approval_desk(session))
    replies(Ready(os.getpid(), actor.user, policy.origin))
    try:
        await replies.flush()
        shelf.warm()
        runner.resolve_left_open()
        await Executor(runner, replies).serve(reader, stop)
    finally:
        await shelf.close()


def _policy(session: Session) -> Policy:
    """The session's policy; one that cannot be read allows nothing and says why."""
    try:
        return policy_of(session)
    except PolicyError as error:
        return nothing_allowed(str(error))


async def _line(reader: asyncio.StreamReader, stop: asyncio.Event) -> bytes:
    """The next line; nothing at the end, after a cut link, after a line without end, or when told to stop."""
    reading, stopping = asyncio.ensure_future(reader.readline()), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait((reading, stopping), return_when=asyncio.FIRST_COMPLETED)
        return reading.result() if reading.done() else b""
    except (ConnectionError, ValueError):
        return b""
    finally:
        reading.cancel()
        stopping.cancel()


async def _main(descriptor: int) -> None:
    os.set_inheritable(descriptor, False)  # a command that held it would keep us from seeing the cockpit go
    reader, writer = await asyncio.open_unix_connection(sock=socket.socket(fileno=descriptor), limit=LINE_LIMIT)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGHUP, signal.SIGINT):  # a handler, for commands would inherit that they are ignored
        loop.add_signal_handler(number, log.info, "signal %s: going on", number.name)
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    line = await _line(reader, stop)
    if line:
        await execute(decode_session(line), reader, writer, stop)
    writer.close()


def main() -> None:
    """Entry of the process."""
    parser = argparse.ArgumentParser(description="Crashcart executor; started by the cockpit.")
    parser.add_argument("--fd", type=int, required=True, help="inherited socket of the cockpit")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("asyncssh").setLevel(logging.WARNING)  # it tells of every channel
    asyncio.run(_main(arguments.fd))


if __name__ == "__main__":
    main()
