"""A wall on a real terminal: nobody attends it, its collector dies, its window changes, and it tells the truth."""

from __future__ import annotations

import os
import re
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.pty_terminal import PtyTerminal, children, command_line

WALL = (sys.executable, "-m", "crashcart.tui", "wall", "--demo")


@pytest.fixture
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="cc-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def wall(home: Path, *words: str, columns: int = 100, rows: int = 28, env: dict[str, str] | None = None) -> PtyTerminal:
    folders = ("HOME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_CONFIG_HOME")
    return PtyTerminal(
        [*WALL, *words], columns=columns, rows=rows, env={**{name: str(home) for name in folders}, **(env or {})}
    )


def collector_of(terminal: PtyTerminal) -> int:
    (found,) = [pid for pid in children(terminal.process.pid) if "ops.collector" in command_line(pid)]
    return found


def test_pages_go_round_without_anybody_and_nothing_is_started_that_could_act(home: Path) -> None:
    with wall(home, "--faults", "none", "--pages", "jobs,queues,heatmap", "--every", "2s") as terminal:
        terminal.wait_for("demo ● ")
        for page in ("JOBS 1/3", "QUEUES 2/3", "HEATMAP 3/3", "JOBS 1/3"):
            terminal.wait_for(page, 6)
        started = [command_line(pid) for pid in children(terminal.process.pid)]
        assert [line for line in started if "ops." in line] == [line for line in started if "ops.collector" in line]


def test_the_clock_is_never_more_than_two_seconds_late(home: Path) -> None:
    with wall(home, "--pages", "overview,heatmap", "--every", "2s", "--nodes", "1000") as terminal:
        terminal.wait_for("demo ● ", 30)
        end = time.monotonic() + 6
        while time.monotonic() < end:
            terminal.pump(0.1)
            found = re.search(r"(\d\d):(\d\d):(\d\d) UTC", terminal.text)
            assert found is not None
            said = int(found[1]) * 3600 + int(found[2]) * 60 + int(found[3])
            assert (time.time() - said) % 86_400 <= 3.0, terminal.text  # up to one second of it is the second itself


def test_a_frozen_collector_leaves_the_last_picture_hatched_and_comes_back(home: Path) -> None:
    with wall(home, "--pages", "overview") as terminal:
        terminal.wait_for(r"\d+ unclaimed")
        terminal.wait_gone("COLLECTOR GONE|STALE", 10)
        frozen: set[int] = set()
        deadline = time.monotonic() + 20
        while not re.search(
            r"\? unclaimed", terminal.text
        ):  # its successor too, or the picture is back too soon to see
            assert time.monotonic() < deadline, terminal.text
            fresh = {pid for pid in children(terminal.process.pid) if "ops.collector" in command_line(pid)} - frozen
            for pid in fresh:
                os.kill(pid, signal.SIGSTOP)
            frozen |= fresh
            terminal.pump(0.1)
        assert frozen
        terminal.wait_for(r"\? unclaimed", 12)
        for pid in frozen:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        terminal.wait_for("demo ● ", 20)
        terminal.wait_for(r"\d+ unclaimed", 20)
        terminal.wait_gone("COLLECTOR GONE|STALE", 20)


def test_a_killed_collector_is_started_again(home: Path) -> None:
    with wall(home, "--pages", "jobs") as terminal:
        terminal.wait_for("demo ● ")
        first = collector_of(terminal)
        os.kill(first, signal.SIGKILL)
        deadline = time.monotonic() + 15
        while not [pid for pid in children(terminal.process.pid) if pid != first and command_line(pid)]:
            assert time.monotonic() < deadline
            terminal.pump(0.1)
        terminal.wait_for("demo ● ", 20)


def test_a_storm_of_sizes_ends_with_the_right_picture(home: Path) -> None:
    with wall(home, "--every", "2s") as terminal:
        terminal.wait_for("demo ● ")
        for number in range(60):
            terminal.resize(3 + number * 7 % 180, 2 + number * 3 % 45)
            terminal.pump(0.02)
        terminal.resize(160, 45)
        terminal.settle(0.4, 2.0)
        terminal.wait_for(r"\d\d:\d\d:\d\d UTC .*unclaimed")
        assert terminal.process.poll() is None
        assert "Traceback" not in terminal.text


def test_no_key_does_anything_but_hold_turn_and_leave(home: Path) -> None:
    with wall(home, "--faults", "none", "--pages", "jobs,queues") as terminal:
        terminal.wait_for("demo ● ")
        for key in (*"xdtrkz123456789:/?DRKS", "enter", "tab", "esc", "ctrl+d", "ctrl+u", "ctrl+l", "\x10", "\x1b[15~"):
            terminal.send(key)
        terminal.settle(0.2, 2.0)
        terminal.wait_for("JOBS 1/2")
        terminal.send("space")
        terminal.wait_for("HELD")
        terminal.send("right")
        terminal.wait_for("QUEUES 2/2")
        terminal.send("q")
        deadline = time.monotonic() + 10
        while terminal.process.poll() is None:
            assert time.monotonic() < deadline
            terminal.pump(0.1)
        assert terminal.process.returncode == 0


def test_masked_names_never_reach_the_terminal(home: Path) -> None:
    with wall(home, "--pages", "jobs,alerts,overview", "--every", "2s", "--mask", "users,jobs") as terminal:
        terminal.wait_for("demo ● ")
        terminal.wait_for("•••••")
        end = time.monotonic() + 6
        while time.monotonic() < end:
            terminal.pump(0.2)
        assert b"pretrain" not in terminal.raw
        assert b"rkapoor" not in terminal.raw


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--pages", "nodes"), "no page 'nodes'; there are: overview"),
        (("--every", "soon"), "is not a time"),
        (("--size", "big"), "is neither auto nor WIDTHxHEIGHT"),
        (("--mask", "hosts"), "no mask 'hosts'"),
        (("--cluster", "nowhere"), "no cluster is called 'nowhere'"),
    ],
)
def test_what_a_line_cannot_say_is_refused_at_once(home: Path, words: tuple[str, ...], said: str) -> None:
    with wall(home, *words) as terminal:
        terminal.wait_for(re.escape(said))
        assert terminal.process.wait(5) == 2
