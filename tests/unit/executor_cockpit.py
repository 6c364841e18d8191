"""The smallest cockpit: drains one node through an executor and prints how it ended. Run by test_executor.py."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from crashcart.ops.executor_link import ExecutorLink
from crashcart.ops.protocol import Planned
from crashcart.ops.session import decode_session


async def main(session_file: str) -> None:
    link = ExecutorLink(decode_session(Path(session_file).read_bytes()))  # noqa: ASYNC240 - before anything runs
    planned = await link.plan("slow", "drain", ("gpu001",), {"reason": "xid 79"})
    assert isinstance(planned, Planned), planned
    print(await link.confirm(planned.plan.plan_id, "gpu001"))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
