"""Figures of the painter beside Textual's own painting in the same run; printed and written down, judged by people."""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest
from rich.color import ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip

from crashcart.tui.painting.painter import Painter
from tests.pty_terminal import PtyTerminal
from tests.slow_terminal import SlowTerminal

from .measure import COMPILED, idle

RESULTS = Path("bench-results")
DEMO = (sys.executable, "-m", "crashcart.tui", "demo")
WAYS: dict[str, list[str]] = {"Textual alone": ["--no-diff"], "painter": [], "slow link": ["--slow-link"]}
KEYS = 30
LINK_BYTES_A_SECOND = 9_600.0

Figures = dict[str, float]


def bytes_a_key(terminal: PtyTerminal, keys: Sequence[str]) -> float:
    """Median bytes until quiet."""
    sizes = []
    for number in range(KEYS):
        before = len(terminal.raw)
        terminal.send(keys[number % len(keys)])
        terminal.settle(0.05, 1.0)
        sizes.append(len(terminal.raw) - before)
    return statistics.median(sizes)


def bytes_written(words: Sequence[str]) -> Figures:
    """At 10,000 nodes, 200x50."""
    with PtyTerminal([*DEMO, "--nodes", "10000", *words], columns=200, rows=50, env=COMPILED) as terminal:
        terminal.wait_for("in use", 60)
        terminal.settle()
        found = {"heatmap, cursor": bytes_a_key(terminal, "lljh")}
        found["heatmap, idle a second"] = idle(terminal, [terminal.process.pid])[1]
        terminal.send("3")
        terminal.wait_for("running", 60)
        terminal.settle()
        found["jobs, cursor"] = bytes_a_key(terminal, "jjjk")
        found["jobs, idle a second"] = idle(terminal, [terminal.process.pid])[1]
        terminal.send(*"\x04\x04")
        terminal.settle()
        terminal.send(*"j" * 30)
        terminal.settle()
        found["jobs, a line scrolled"] = bytes_a_key(terminal, "j")
        found["a dialog opened or closed"] = bytes_a_key(terminal, ["?", "esc"])
        return found


def seen_after(terminal: PtyTerminal, key: str) -> float:
    """Milliseconds until the cursor of a list is on another line."""

    def line() -> str:
        return next((line for line in terminal.screen.display if line.startswith("▌")), "")

    before, start = line(), time.perf_counter()
    terminal.send(key)
    while line() == before and time.perf_counter() - start < 30:
        terminal.pump(0.005)
    return (time.perf_counter() - start) * 1e3


def on_a_slow_link(words: Sequence[str]) -> Figures:
    """At 1,000 nodes, 120x40 and 9.6 kB/s, the demo running."""
    chance = random.Random(11)
    argv = [*DEMO, "--nodes", "1000", *words]
    with SlowTerminal(argv, speed=LINK_BYTES_A_SECOND, columns=120, rows=40, env=COMPILED) as terminal:
        terminal.wait_for("in use", 60)
        found = {"first data": (time.perf_counter() - terminal.started) * 1e3}
        start = time.perf_counter()
        terminal.send("3")
        terminal.wait_for("STATE", 60)
        found["another view"] = (time.perf_counter() - start) * 1e3
        terminal.settle(0.3)
        waits = []
        for _ in range(KEYS):
            end = time.perf_counter() + chance.uniform(0.1, 0.6)
            while time.perf_counter() < end:
                terminal.pump(end - time.perf_counter())
            waits.append(seen_after(terminal, "j"))
        found["key seen, median"] = statistics.median(waits)
        found["key seen, slowest"] = max(waits)
        return found


def noise(share: float) -> Callable[[], LayoutUpdate]:
    """A map of 8,000 cells in eight colours, of which a share changes from one update to the next."""
    chance = random.Random(1)
    styles = [Style.parse(f"#{chance.randrange(1 << 24):06x} on #10151c") for _ in range(8)]
    colors = [[chance.randrange(8) for _ in range(200)] for _ in range(40)]

    def changed() -> LayoutUpdate:
        for row in colors:
            row[:] = [chance.randrange(8) if chance.random() < share else color for color in row]
        strips = [Strip([Segment("■", styles[color]) for color in row], 200).simplify() for row in colors]
        return LayoutUpdate([[strip] for strip in strips], Region(0, 0, 200, 40))

    return changed


def map_painted(share: float) -> tuple[Figures, Figures]:
    """Milliseconds and bytes of a refresh, the best of ten: Textual, and the painter."""
    console = Console(color_system="truecolor", force_terminal=True)
    painter, update = Painter(), noise(share)
    times: dict[str, list[float]] = {"textual": [], "ours": []}
    sizes: dict[str, list[int]] = {"textual": [], "ours": []}
    for _ in range(11):
        picture = update()
        start = time.perf_counter()
        control = picture.render_segments(console)
        middle = time.perf_counter()
        painter.take(picture, ColorSystem.TRUECOLOR)
        text = painter.paint(list(painter.dirty))
        times["textual"].append((middle - start) * 1e3)
        times["ours"].append((time.perf_counter() - middle) * 1e3)
        sizes["textual"].append(len(control.encode()))
        sizes["ours"].append(len(text.encode()))
    name = f"{share:.0%} of 8,000 cells change"
    made = [
        {f"{name}, CPU": min(times[who][1:]), f"{name}, bytes": statistics.median(sizes[who][1:])}
        for who in ("textual", "ours")
    ]
    return made[0], made[1]


def table(title: str, unit: str, columns: dict[str, Figures]) -> str:
    """Markdown: one row a figure, one column a way."""
    lines = [f"| {title}, {unit} | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for name in next(iter(columns.values())):
        cells = [f"{found[name]:,.1f}" if found[name] < 100 else f"{found[name]:,.0f}" for found in columns.values()]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


@pytest.mark.bench
def test_what_painting_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(prefix="cc-", ignore_cleanup_errors=True) as home:
        for name in ("HOME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
            monkeypatch.setenv(name, home)
        written = {way: bytes_written(words) for way, words in WAYS.items()}
        seen = {way: on_a_slow_link(words) for way, words in WAYS.items()}
    maps: dict[str, Figures] = {"Textual alone": {}, "painter": {}}
    for share in (1.0, 0.1, 0.01):
        for way, found in zip(maps.values(), map_painted(share), strict=True):
            way.update(found)
    text = "\n\n".join(
        (
            table("10,000 nodes, 200x50", "bytes", written),
            table("1,000 nodes, 120x40, 9.6 kB/s", "ms", seen),
            table("a map of 200x40", "ms and bytes", maps),
        )
    )
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "painting.md").write_text(text + "\n")
    (RESULTS / "painting.json").write_bytes(msgspec.json.encode({"bytes": written, "slow link": seen, "map": maps}))
    print(f"\n{text}\n")
    assert all(seen[way]["key seen, median"] > 0 for way in WAYS)
