"""Runs commands in the simulated cluster, as the user of this process."""

from __future__ import annotations

import os
import pwd
from typing import Literal

from crashcart.backends.contract import CommandResult
from crashcart.backends.errors import Unreachable
from crashcart.backends.text import clean

from .client import AnswerLost, WorldLink
from .protocol import Ran, Run


async def run_in_world(
    link: WorldLink,
    host: str,
    argv: tuple[str, ...],
    timeout: float,  # noqa: ASYNC109
    *,
    limit: int = 64 << 20,
) -> CommandResult:
    """How the command ended; a lost answer is "unknown". Raises Unreachable when nothing was sent."""
    try:
        ran = await link.ask(Run(host, _user(), argv), Ran, timeout=timeout)
    except AnswerLost as error:
        return CommandResult("unknown", None, detail=str(error))
    if ran.unreachable:
        raise Unreachable(clean(ran.unreachable))
    stdout, stderr = ran.stdout.encode(), ran.stderr.encode()
    is_cut = max(len(stdout), len(stderr)) > limit
    state: Literal["ok", "failed"] = "ok" if ran.exit_status == 0 else "failed"
    return CommandResult(state, ran.exit_status, stdout[:limit], stderr[:limit], truncated=is_cut)


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid{os.getuid()}"
