"""How a program on a terminal is measured: the same way for the cockpit and for its floor."""

from __future__ import annotations

import random
import re
import select
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from tests.pty_terminal import PtyTerminal, children, command_line, cpu_seconds, peak_memory_mb

HELLO = (sys.executable, str(Path(__file__).with_name("hello.py")))
COMPILED = {
    "PYTHONDONTWRITEBYTECODE": "",
    "PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir()) / "crashcart-pycache"),
}
"""An installed program is compiled; one run from a fresh checkout would pay for its compilation at every start."""

QUIET_SECONDS = 0.08
IDLE_SECONDS = 10.0
KEYS = 60


class Figures(msgspec.Struct):
    """Milliseconds, bytes, percent of a core, MiB; None where it was not measured."""

    first_paint_ms: float
    first_screen_ms: float | None = None
    first_data_ms: float | None = None
    key_p50_ms: float | None = None
    key_p99_ms: float | None = None
    key_bytes: float | None = None
    idle_cpu_percent: float | None = None
    idle_bytes_per_second: float | None = None
    collector_cpu_percent: float | None = None
    memory_mb: float | None = None


def shown_after(terminal: PtyTerminal, pattern: str) -> float:
    """Milliseconds from spawn until the screen shows `pattern`."""
    while not re.search(pattern, terminal.text):
        terminal.pump(0.002)
        assert time.perf_counter() - terminal.started < 120, terminal.text
    return (time.perf_counter() - terminal.started) * 1e3


def key_latency(terminal: PtyTerminal, keys: Sequence[str], count: int = KEYS) -> tuple[list[float], list[int]]:
    """Milliseconds from key to first output, and bytes until quiet; keys at random moments, not after a quiet gap."""
    chance = random.Random(7)
    waits: list[float] = []
    sizes: list[int] = []
    for number in range(count):
        end = time.perf_counter() + chance.uniform(0.05, 0.25)
        while time.perf_counter() < end:
            terminal.pump(end - time.perf_counter())
        before = len(terminal.raw)
        sent = time.perf_counter()
        terminal.send(keys[number % len(keys)])
        if not select.select([terminal.fd], [], [], 1.0)[0]:
            continue
        waits.append((time.perf_counter() - sent) * 1e3)  # before the emulator works on what came
        terminal.pump(0.0)
        while terminal.pump(QUIET_SECONDS / 4):
            pass
        sizes.append(len(terminal.raw) - before)
    return waits, sizes


def idle(terminal: PtyTerminal, pids: Sequence[int], seconds: float = IDLE_SECONDS) -> tuple[list[float], float]:
    """Percent of a core for each process, and bytes a second on the terminal, while nobody types."""
    before = [cpu_seconds(pid) for pid in pids]
    size, start = len(terminal.raw), time.perf_counter()
    while (left := start + seconds - time.perf_counter()) > 0:
        terminal.pump(left)
    spent = time.perf_counter() - start
    shares = [(cpu_seconds(pid) - cpu) / spent * 100 for pid, cpu in zip(pids, before, strict=True)]
    return shares, (len(terminal.raw) - size) / spent


def collector_of(cockpit: int) -> int:
    """The collector that a cockpit started."""
    return next(pid for pid in children(cockpit) if "ops.collector" in command_line(pid))


def hello() -> Figures:
    """The floor, in a 200x50 terminal."""
    with PtyTerminal(HELLO, columns=200, rows=50, env=COMPILED) as terminal:
        figures = Figures(shown_after(terminal, "line 20"))
        terminal.settle()
        waits, sizes = key_latency(terminal, ["j"])
        figures.key_p50_ms, figures.key_p99_ms = statistics.median(waits), max(waits)
        figures.key_bytes = statistics.median(sizes)
        figures.memory_mb = peak_memory_mb(terminal.process.pid)
    return figures


def cockpit(arguments: Sequence[str], data: str) -> Figures:
    """The cockpit in a 200x50 terminal: start, keys in the job table, then idle."""
    argv = [sys.executable, "-m", "crashcart.tui", *arguments]
    with PtyTerminal(argv, columns=200, rows=50, env=COMPILED) as terminal:
        figures = Figures(shown_after(terminal, "crashcart"))
        figures.first_screen_ms = shown_after(terminal, "1 Heatmap")
        figures.first_data_ms = shown_after(terminal, data)
        terminal.send("3")
        terminal.wait_for("PENDING|RUNNING|pending|running", 60)
        terminal.settle()
        waits, sizes = key_latency(terminal, ["j", "j", "j", "k"])
        figures.key_p50_ms, figures.key_p99_ms = statistics.median(waits), max(waits)
        figures.key_bytes = statistics.median(sizes)
        pid = terminal.process.pid
        shares, figures.idle_bytes_per_second = idle(terminal, [pid, collector_of(pid)])
        figures.idle_cpu_percent, figures.collector_cpu_percent = shares
        figures.memory_mb = peak_memory_mb(pid)
    return figures
