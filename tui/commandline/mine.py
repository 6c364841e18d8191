"""`crashcart mine`: what you hold that is temporary or open, before you hand over or go home."""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from pathlib import Path

from crashcart.ops import audit_read
from crashcart.ops.actor import os_user
from crashcart.ops.approvals import ApprovalsUnavailable, Posted
from crashcart.ops.approvals_shelf import Shelf
from crashcart.ops.mine import Held, held_by
from crashcart.ops.session import Session

from .exits import FAILED, OK, CommandError
from .listing import list_once
from .opening import open_session
from .output import render

COLUMNS = ("kind", "cluster", "name", "since", "ends", "what")


def run(arguments: argparse.Namespace) -> int:
    """List it; exit 0 also when there is nothing."""
    session, _ = open_session(arguments)
    store = asyncio.run(list_once(session, ("node", "silence")))
    try:
        found = held_by(
            store,
            os_user(),
            session.reason_prefix,
            _posted(session),
            audit_read.open_actions(Path(session.audit_file)),
        )
    except (OSError, ApprovalsUnavailable) as error:
        raise CommandError(str(error), FAILED) from error
    if not found and arguments.output == "table":
        print("you hold nothing")
        return OK
    print(render([_row(held) for held in found], COLUMNS, arguments.output))
    return OK


def _posted(session: Session) -> tuple[Posted, ...]:
    if session.approvals is None:
        return ()
    return Shelf(Path(session.approvals.directory), os.getuid()).requests(time.time())


def _row(held: Held) -> dict[str, object]:
    return {
        "kind": held.kind,
        "cluster": held.cluster,
        "name": held.name,
        "since": _clock(held.since),
        "ends": _clock(held.ends),
        "what": held.text,
    }


def _clock(when: float | None) -> str | None:
    return None if when is None else time.strftime("%m-%d %H:%M", time.localtime(when))
