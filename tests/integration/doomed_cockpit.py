"""A cockpit that confirms an action, says so, and is killed then: `doomed_cockpit.py SESSION VERB TARGET`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from crashcart.ops.executor_link import ExecutorLink
from crashcart.ops.protocol import Planned
from crashcart.ops.session import Session, decode_session


async def confirm_and_say_so(session: Session, verb: str, target: str) -> None:
    """Print the plan id as soon as the target runs."""
    link = ExecutorLink(session)
    reply = await link.plan(session.clusters[0].name, verb, (target,))
    assert isinstance(reply, Planned), reply
    plan = reply.plan
    await link.confirm(plan.plan_id, plan.confirmation.expect, on_progress=lambda _: print(plan.plan_id, flush=True))
    print("finished", flush=True)


if __name__ == "__main__":
    told = decode_session(Path(sys.argv[1]).read_bytes())
    asyncio.run(confirm_and_say_so(told, sys.argv[2], sys.argv[3]))
