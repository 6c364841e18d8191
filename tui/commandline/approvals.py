"""`crashcart approvals`: requests of other operators that wait for a second person; look, then agree or deny."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from pathlib import Path

from crashcart.ops.approvals import ApprovalsUnavailable, Posted, Verdict
from crashcart.ops.approvals_shelf import Shelf
from crashcart.ops.executor_link import ExecutorLink
from crashcart.ops.protocol import Refused
from crashcart.ops.session import Session

from .exits import FAILED, OK, REFUSED, CommandError
from .opening import open_session
from .output import render
from .plan_text import plan_lines

COLUMNS = ("id", "who", "action", "cluster", "risk", "reason", "left")
SHORTEST_ID = 6


def run(arguments: argparse.Namespace) -> int:
    """List, show, approve or deny."""
    session, _ = open_session(arguments)
    posted = _requests(session)
    if arguments.what == "list":
        return _list(posted, arguments)
    one = _one(posted, arguments.id)
    if arguments.what == "show":
        _show(one)
        return OK
    if getattr(arguments, "read_only", False):
        raise CommandError("read-only: nothing is answered", REFUSED)
    if arguments.what == "approve" and not _agreed(one, arguments):
        print("nothing was answered", file=sys.stderr)
        return REFUSED
    return asyncio.run(_answer(session, one, arguments))


def _requests(session: Session) -> tuple[Posted, ...]:
    if session.approvals is None:
        raise CommandError('no directory of requests is configured: [approvals] directory = "..."')
    try:
        return Shelf(Path(session.approvals.directory), os.getuid()).requests(time.time())
    except ApprovalsUnavailable as error:
        raise CommandError(str(error), FAILED) from error


def _list(posted: tuple[Posted, ...], arguments: argparse.Namespace) -> int:
    rows = [_row(one) for one in posted]
    if not rows and arguments.output == "table":
        print("nobody waits for a second person")
        return OK
    print(render(rows, COLUMNS, arguments.output))
    return OK


def _row(posted: Posted) -> dict[str, object]:
    request = posted.request
    left = max(0, int(request.expires - time.time()))
    return {
        "id": request.id[:8],
        "who": request.requester,
        "action": request.plan.title,
        "cluster": request.plan.cluster,
        "risk": request.plan.risk,
        "reason": request.plan.reason or None,
        "left": f"{left // 60}:{left % 60:02}",
    }


def _one(posted: tuple[Posted, ...], wanted: str) -> Posted:
    found = [one for one in posted if len(wanted) >= SHORTEST_ID and one.request.id.startswith(wanted)]
    if len(found) != 1:
        raise CommandError(f"no request has an id that begins with {wanted!r}; see: crashcart approvals list")
    return found[0]


def _show(posted: Posted) -> None:
    request = posted.request
    print(f"{request.requester} asks for a second person; sha256 {posted.sha256}")
    print("\n".join(plan_lines(request.plan)))
    for target, before in request.before.items():
        print(f"{target} must still be: {json.dumps(before, ensure_ascii=True, sort_keys=True)}")


def _agreed(posted: Posted, arguments: argparse.Namespace) -> bool:
    """Show what is agreed to and have it typed; `--yes` never agrees for anybody."""
    _show(posted)
    if not sys.stdin.isatty():
        raise CommandError("nobody is there to agree: this needs a person at a terminal", REFUSED)
    wanted = posted.request.plan.confirmation.expect
    print(f"To agree, type {wanted}: ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip() == wanted


async def _answer(session: Session, posted: Posted, arguments: argparse.Namespace) -> int:
    link = ExecutorLink(session)
    verdict: Verdict = "approved" if arguments.what == "approve" else "denied"
    try:
        said = await link.answer_request(posted.request.id, posted.sha256, verdict, getattr(arguments, "why", ""))
    finally:
        await link.close()
    if isinstance(said, Refused):
        print(f"crashcart: refused ({said.code}): {said.why}", file=sys.stderr)
        return REFUSED
    print(said.note)
    return OK
