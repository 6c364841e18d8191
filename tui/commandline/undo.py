"""`crashcart undo`: take back the last thing you did, or the action you name, through the same preview and policy."""

from __future__ import annotations

import argparse
import asyncio

from crashcart.ops.executor_link import ExecutorLink
from crashcart.ops.protocol import Refused

from .act import confirmed, refused
from .exits import REFUSED, CommandError
from .opening import open_session


def run(arguments: argparse.Namespace) -> int:
    """Plan it, ask, act; the exit status is that of the worst target."""
    if getattr(arguments, "read_only", False):
        raise CommandError("read-only: nothing that could change a cluster is started", REFUSED)
    session, _ = open_session(arguments)
    return asyncio.run(_undo(ExecutorLink(session), arguments))


async def _undo(link: ExecutorLink, arguments: argparse.Namespace) -> int:
    try:
        answer = await link.undo(arguments.id)
        if isinstance(answer, Refused):
            return refused(answer, "undo", arguments, ())
        return await confirmed(link, answer, arguments)
    finally:
        await link.close()
