"""The cockpit on real terminals that are slow, lent to others, stopped or left: what is seen, and how soon."""

from __future__ import annotations

import os
import random
import re
import signal
import sys
import time
from pathlib import Path

import pyte
import pytest

from tests.pty_terminal import PtyTerminal
from tests.slow_terminal import SlowTerminal

from .test_cockpit_terminal import confirm, environment, home, rest, select, type_slowly

__all__ = ["home"]  # a fixture, used by name

DEMO = (sys.executable, "-m", "crashcart.tui", "demo")
SPEED = 9_600.0
KEY_SECONDS = 1.0
"""How soon a key must be seen at that speed; it takes some hundredths of a second on an idle machine."""


def cursor_row(terminal: PtyTerminal) -> str:
    """The line under the cursor of a list; empty while there is none."""
    return next((line for line in terminal.screen.display if line.startswith("▌")), "")


def key_seconds(terminal: PtyTerminal, key: str, limit: float = 20.0) -> float:
    """From the key to the screen that shows the cursor elsewhere."""
    before, start = cursor_row(terminal), time.monotonic()
    terminal.send(key)
    while cursor_row(terminal) == before and time.monotonic() - start < limit:
        terminal.pump(0.01)
    return time.monotonic() - start


def below_strip(terminal: PtyTerminal) -> list[list[pyte.screens.Char]]:
    """Cells of all lines but the first, where a clock goes."""
    screen = terminal.screen
    return [[screen.buffer[y][x] for x in range(screen.columns)] for y in range(1, screen.lines)]


def cells_that_differ(one: list[list[pyte.screens.Char]], other: list[list[pyte.screens.Char]]) -> list[str]:
    """Blanks are compared by their ground."""
    return [
        f"column {x} of row {y + 1}: {left} and {right}"
        for y, rows in enumerate(zip(one, other, strict=True))
        for x, (left, right) in enumerate(zip(*rows, strict=True))
        if left != right and not (left.data == right.data == " " and left.bg == right.bg)
    ]


@pytest.mark.parametrize("view", ["2", "3"])
def test_a_key_is_seen_within_a_second_at_9600_bytes_a_second(home: Path, view: str) -> None:
    argv = [*DEMO, "--nodes", "1000", "--slow-link"]
    with SlowTerminal(argv, speed=SPEED, columns=120, rows=40, env=environment(home)) as terminal:
        terminal.wait_for("in use", 60)
        terminal.send(view)
        terminal.wait_for("STATE", 20)
        terminal.settle()
        chance, waits = random.Random(5), []
        for _ in range(12):
            rest(terminal, chance.uniform(0.1, 0.5))
            waits.append(key_seconds(terminal, "j"))
        assert max(waits) < KEY_SECONDS, waits
        assert "/s" in terminal.text.splitlines()[0], "the strip says what is written"


def test_a_key_is_seen_soon_while_the_whole_screen_is_under_way(home: Path) -> None:
    argv = [*DEMO, "--nodes", "1000", "--slow-link"]
    with SlowTerminal(argv, speed=SPEED, columns=160, rows=50, env=environment(home)) as terminal:
        terminal.wait_for("in use", 60)
        terminal.send("3")
        terminal.wait_for("STATE", 20)
        terminal.settle()
        terminal.send("ctrl+l")
        assert key_seconds(terminal, "j") < KEY_SECONDS


def test_a_stopped_and_continued_cockpit_paints_every_cell_again(home: Path) -> None:
    with PtyTerminal([*DEMO], columns=100, rows=30, env=environment(home)) as terminal:
        terminal.wait_for("in use")
        terminal.send("3")
        terminal.wait_for("STATE")
        terminal.send("P")
        terminal.wait_for("FROZEN")
        terminal.settle()
        os.kill(terminal.process.pid, signal.SIGTSTP)
        stopped = Path(f"/proc/{terminal.process.pid}/stat")
        deadline = time.monotonic() + 10
        while stopped.read_text().rsplit(")", 1)[1].split()[0] != "T":
            assert time.monotonic() < deadline
            terminal.pump(0.02)
        terminal.screen.reset()
        terminal.screen.draw("$ somebody else was here " * 40)
        os.kill(terminal.process.pid, signal.SIGCONT)
        terminal.wait_for("FROZEN", 10)
        terminal.settle()
        assert "somebody else" not in terminal.text
        again = below_strip(terminal)
        terminal.screen.reset()
        terminal.send("ctrl+l")
        terminal.wait_for("FROZEN", 10)
        terminal.settle()
        aside = [row for row, line in enumerate(terminal.screen.display[1:]) if "FROZEN" in line]  # its age goes on
        found = cells_that_differ(again, below_strip(terminal))
        assert not [text for text in found if not any(f"of row {row + 1}:" in text for row in aside)], found


def test_a_shell_finds_no_colour_left_on_the_terminal(home: Path) -> None:
    with PtyTerminal([*DEMO], columns=120, rows=35, env=environment(home)) as terminal:
        terminal.wait_for("in use")
        select(terminal, "gpu020")
        terminal.send("t")
        confirm(terminal, "gpu020")
        terminal.wait_for(r"gpu020.*[#$] ")
        row, line = next((y, line) for y, line in enumerate(terminal.screen.display) if "crashcart: shell on" in line)
        first = terminal.screen.buffer[row][line.index("crashcart")]
        assert (first.fg, first.bg, first.bold) == ("default", "default", False)
        type_slowly(terminal, "exit 0")
        terminal.send("enter")
        terminal.wait_for("exit status|exit 0|ended")
        terminal.wait_for("Nodes")


def test_leaving_lays_the_pen_down(home: Path) -> None:
    with PtyTerminal([*DEMO], columns=80, rows=24, env=environment(home)) as terminal:
        terminal.wait_for("alerts")
        terminal.send("\x03")
        terminal.wait_for("Quit")
        terminal.settle()
        terminal.send("y")
        terminal.settle(0.5)
        assert terminal.process.wait(10) == 0
        left = bytes(terminal.raw).rpartition(b"\x1b[?1049l")[0]
        assert b"\x1b[m" in left[-80:]


def test_no_answer_of_the_terminal_is_typed_into_the_shell_that_comes_after(home: Path) -> None:
    line = f"{' '.join(DEMO)} --slow-link; echo out; sleep 1; echo end"
    with SlowTerminal(["sh", "-c", line], speed=SPEED, latency=0.9, env=environment(home)) as terminal:
        terminal.wait_for("alerts", 60)
        terminal.send("\x03")
        terminal.wait_for("Quit", 20)
        rest(terminal, 1.5)
        terminal.send("y")
        terminal.wait_for(r"out\s+end", 30)
        assert not re.search(r"\^\[\[\d+;\d+R", terminal.text), terminal.text


def test_the_library_paints_by_itself_where_that_is_asked_for(home: Path) -> None:
    sizes = []
    for words in (["--no-diff"], []):
        with PtyTerminal([*DEMO, *words], columns=120, rows=35, env=environment(home)) as terminal:
            terminal.wait_for("in use")
            terminal.send("2")
            terminal.wait_for("STATE")
            terminal.settle()
            before = len(terminal.raw)
            for _ in range(5):
                terminal.send("j")
                terminal.settle(0.1, 1.0)
            sizes.append(len(terminal.raw) - before)
    assert sizes[1] < sizes[0] / 2, sizes
