"""The README's pictures, taken from the running cockpit on the demo cluster: `python -m tests.pictures`."""

from __future__ import annotations

import asyncio
import re
import tempfile
from pathlib import Path

from textual.pilot import Pilot

from crashcart.ops.collector_link import CollectorLink
from crashcart.ops.defaults import demo_session
from crashcart.ops.executor_link import ExecutorLink
from crashcart.ops.session import Session
from crashcart.tui.app import CrashcartApp

DOCS = Path(__file__).parents[1] / "docs"
SIZE = (116, 32)
SCRIPTED_SECONDS = 42
"""The demo's second critical comes 40 s after its start."""


async def take(session: Session) -> None:
    """Open the cockpit without a terminal, work a little, and save what it shows."""
    executor = ExecutorLink(session)
    app = CrashcartApp(session, CollectorLink(session), executor, identity="anna@login1", theme="night")
    async with app.run_test(size=SIZE) as pilot:
        await asyncio.sleep(SCRIPTED_SECONDS)
        await pilot.press("n")
        await save(pilot, "cockpit")
        await pilot.press("4")
        await save(pilot, "alerts")
        await pilot.press("2", "slash", *"name=gpu007", "enter")
        await pilot.press("x")
        await pilot.pause(0.3)
        await pilot.press("d")
        await pilot.pause(0.3)
        await pilot.press(*"xid", "space", *"79", "enter", *"INC-7", "enter")
        await save(pilot, "drain")
    await executor.close()


async def save(pilot: Pilot[None], name: str) -> None:
    """Save the screen as docs/NAME.svg, without the fonts that the exporter would fetch from the net."""
    await pilot.pause(1.2)
    drawn = pilot.app.export_screenshot(title="crashcart")
    without_fonts = re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL)
    (DOCS / f"{name}.svg").write_text(without_fonts, encoding="utf-8")


if __name__ == "__main__":
    DOCS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="cc-", ignore_cleanup_errors=True) as folder:
        options = {"socket": f"{folder}/world", "linger_seconds": 1.0}
        asyncio.run(take(demo_session(options, Path(folder) / "audit.jsonl")))
