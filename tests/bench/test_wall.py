"""What a wall costs at 10,000 nodes, page by page: share of a core and bytes to the terminal; judged by people."""

from __future__ import annotations

import sys
import tempfile
import time

import pytest

from crashcart.tui.wall.options import PAGES
from tests.pty_terminal import PtyTerminal, cpu_seconds, peak_memory_mb

WATCHED_SECONDS = 20.0


def watch(terminal: PtyTerminal, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        terminal.pump(0.2)


@pytest.mark.bench
@pytest.mark.parametrize("page", PAGES)
def test_a_wall_at_10000_nodes(page: str) -> None:
    with tempfile.TemporaryDirectory(prefix="cc-", ignore_cleanup_errors=True) as home:
        env = dict.fromkeys(("HOME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_CONFIG_HOME"), home)
        argv = [sys.executable, "-m", "crashcart.tui", "wall", "--demo", "--nodes", "10000", "--pages", page]
        with PtyTerminal(argv, columns=160, rows=45, env=env) as terminal:
            terminal.wait_for("demo ● ", 60)
            watch(terminal, 10.0)
            cpu, sent = cpu_seconds(terminal.process.pid), len(terminal.raw)
            watch(terminal, WATCHED_SECONDS)
            share = 100 * (cpu_seconds(terminal.process.pid) - cpu) / WATCHED_SECONDS
            rate = (len(terminal.raw) - sent) / WATCHED_SECONDS
            memory = peak_memory_mb(terminal.process.pid)
    print(f"\nwall, {page:9s} 160x45, 10,000 nodes: {share:.1f} % of a core, {rate:,.0f} B/s, {memory:.0f} MiB")
