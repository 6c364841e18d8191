"""How long the cockpit's loop is held up while a collector feeds it 10,000 nodes; printed, judged by people."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

import pytest

from crashcart.ops.collector_link import CollectorLink
from crashcart.ops.defaults import demo_session
from crashcart.tui.app import CrashcartApp

NODES = 10_000
TICK_SECONDS = 0.002
WATCHED_SECONDS = 12.0
RESULTS = Path("bench-results")


class Ticker:
    """Wakes every 2 ms and notes how much later than that it was woken."""

    def __init__(self) -> None:
        self.late_ms: list[float] = []

    async def run(self) -> None:
        while True:
            due = time.perf_counter() + TICK_SECONDS
            await asyncio.sleep(TICK_SECONDS)
            self.late_ms.append((time.perf_counter() - due) * 1e3)


async def stalls(view: str, folder: str) -> tuple[float, float]:
    """Longest stall in ms until the first listing is on the screen, and in the 12 s after it."""
    options: dict[str, object] = {"nodes": NODES, "socket": f"{folder}/{view}", "linger_seconds": 1.0}
    session = demo_session(options, Path(folder) / "audit.jsonl")
    app = CrashcartApp(session, CollectorLink(session), None)
    first, later = Ticker(), Ticker()
    async with app.run_test(size=(200, 50)) as pilot:
        await pilot.press(view)
        task = asyncio.create_task(first.run())
        async with asyncio.timeout(60):
            while not (app.store.jobs and app.store.gpus):  # noqa: ASYNC110 - the store has no event to wait for
                await asyncio.sleep(0.05)
        await asyncio.sleep(1.0)
        task.cancel()
        task = asyncio.create_task(later.run())
        await asyncio.sleep(WATCHED_SECONDS)
        task.cancel()
    return max(first.late_ms), max(later.late_ms)


@pytest.mark.bench
async def test_stalls_of_the_cockpit_while_ten_thousand_nodes_come_in() -> None:
    lines = [
        f"| {NODES:,} nodes, 200x50 | longest stall, first listing | longest stall, 12 s of refreshes |",
        "|---|---|---|",
    ]
    with tempfile.TemporaryDirectory(prefix="cc-", ignore_cleanup_errors=True) as folder:
        for view, name in (("1", "heatmap"), ("2", "nodes"), ("3", "jobs")):
            first, later = await stalls(view, folder)
            lines.append(f"| {name} | {first:.0f} ms | {later:.0f} ms |")
    write_down("\n".join(lines) + "\n")
    assert len(lines) == 5


def write_down(text: str) -> None:
    """Print the table and keep it."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "stalls.md").write_text(text)
    print(f"\n{text}")
