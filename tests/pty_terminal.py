"""A terminal for tests: runs a program on a pty, answers its queries, keeps the screen as a person would see it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

import pyte

KEYS = {
    "up": "\x1b[A", "down": "\x1b[B", "right": "\x1b[C", "left": "\x1b[D", "enter": "\r", "esc": "\x1b", "tab": "\t",
    "space": " ", "pgdn": "\x1b[6~", "pgup": "\x1b[5~", "ctrl+d": "\x04", "ctrl+u": "\x15", "ctrl+l": "\x0c",
}  # fmt: skip

_QUERIES = (
    (re.compile(rb"\x1b\[0?c"), b"\x1b[?62;22c"),
    (re.compile(rb"\x1b\[\?2026\$p"), b"\x1b[?2026;2$y"),
    (re.compile(rb"\x1b\[\?2048\$p"), b"\x1b[?2048;0$y"),
    (re.compile(rb"\x1b\[\?u"), b"\x1b[?0u"),
)
# sequences with private markers that the emulator prints instead of ignoring
_FOREIGN = re.compile(rb"\x1b\[[<>=][0-9;]*[A-Za-z]|\x1b\[\?[0-9;]*\$p|\x1b[P_^].*?\x1b\\|\x1b\[[0-9;]* q", re.DOTALL)
_TICKS = os.sysconf("SC_CLK_TCK")


class Screen(pyte.Screen):
    """The emulator's screen, which can also repeat a character (REP) and tells where its cursor is."""

    def __init__(self, columns: int, rows: int, answer: Callable[[bytes], None]) -> None:
        self._answer = answer
        self._last = " "
        super().__init__(columns, rows)

    def draw(self, data: str) -> None:
        self._last = data[-1]
        super().draw(data)

    def repeat_character(self, count: int = 1) -> None:
        super().draw(self._last * count)

    def write_process_input(self, data: str) -> None:
        if data.endswith("R"):
            self._answer(data.encode())


class Stream(pyte.ByteStream):
    """Knows the sequence of REP."""

    csi = {**pyte.ByteStream.csi, "b": "repeat_character"}  # noqa: RUF012 - as the class it is derived from
    events = pyte.ByteStream.events | {"repeat_character"}


class PtyTerminal:
    """One program on one terminal. Use it as a context manager; leaving it ends the program."""

    def __init__(
        self, argv: Sequence[str], *, columns: int = 80, rows: int = 24, env: Mapping[str, str] | None = None
    ) -> None:
        self.screen = Screen(columns, rows, self._reply)
        self._stream = Stream(self.screen)
        self.raw = bytearray()
        self._tail = b""
        self.fd, slave = pty.openpty()
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        whole = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8", **(env or {})}
        for name in ("LINES", "COLUMNS", "NO_COLOR", "TMUX"):
            if name not in (env or {}):
                whole.pop(name, None)
        self.started = time.perf_counter()
        # setsid makes the pty the controlling terminal, so that a hang-up reaches the program as on a real line
        self.process = subprocess.Popen(["setsid", "--ctty", *argv], stdin=slave, stdout=slave, stderr=slave, env=whole)
        os.close(slave)
        os.set_blocking(self.fd, False)

    def __enter__(self) -> PtyTerminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up, as a lost link does, and collect the program."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGHUP)
            deadline = time.monotonic() + 5
            while self.process.poll() is None and time.monotonic() < deadline:
                self.pump(0.05)
            if self.process.poll() is None:
                self.process.kill()
        self.process.wait()
        os.close(self.fd)

    def pump(self, seconds: float) -> int:
        """Wait up to `seconds` for output, take in what is there; return the number of bytes."""
        if not select.select([self.fd], [], [], max(0.0, seconds))[0]:
            return 0
        got = 0
        while True:
            try:
                data = os.read(self.fd, 1 << 16)
            except OSError:
                return got
            if not data:
                return got
            got += len(data)
            self.take(data)

    def take(self, data: bytes) -> None:
        """This has reached the screen."""
        self.raw += data
        self._answer(data)
        self._stream.feed(_FOREIGN.sub(b"", data))

    def _reply(self, answer: bytes) -> None:
        os.write(self.fd, answer)

    def _answer(self, data: bytes) -> None:
        seen = self._tail + data
        for pattern, reply in _QUERIES:
            for match in pattern.finditer(seen):
                if match.end() > len(self._tail):
                    os.write(self.fd, reply)
        self._tail = seen[-24:]

    def send(self, *keys: str) -> None:
        """Type keys by name (`down`, `enter`) or as they are."""
        for key in keys:
            os.write(self.fd, KEYS.get(key, key).encode())

    def resize(self, columns: int, rows: int) -> None:
        """Change the size, as a person dragging the window does."""
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.screen.resize(rows, columns)
        os.killpg(self.process.pid, signal.SIGWINCH)

    @property
    def text(self) -> str:
        """The screen, one line a row."""
        return "\n".join(self.screen.display)

    def wait_for(self, pattern: str, timeout: float = 20.0) -> re.Match[str]:
        """Read on until the screen shows `pattern`; AssertionError with the screen when it does not in time."""
        deadline = time.monotonic() + timeout
        while True:
            found = re.search(pattern, self.text)
            if found:
                return found
            left = deadline - time.monotonic()
            assert left > 0, f"{pattern!r} is not on the screen:\n{self.text}"
            self.pump(min(left, 0.1))

    def wait_gone(self, pattern: str, timeout: float = 20.0) -> None:
        """Read on until the screen shows `pattern` no more."""
        deadline = time.monotonic() + timeout
        while re.search(pattern, self.text):
            left = deadline - time.monotonic()
            assert left > 0, f"{pattern!r} is still on the screen:\n{self.text}"
            self.pump(min(left, 0.1))

    def settle(self, quiet: float = 0.2, limit: float = 5.0) -> None:
        """Read on until nothing was written for `quiet` seconds."""
        deadline = time.monotonic() + limit
        while time.monotonic() < deadline and self.pump(quiet):
            pass


def children(pid: int) -> list[int]:
    """Direct children of a process."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(child) for child in (task / "children").read_text().split()]
    return found


def command_line(pid: int) -> str:
    """How a process was started; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def cpu_seconds(pid: int) -> float:
    """CPU time of one process, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def peak_memory_mb(pid: int) -> float:
    """Largest resident set of one process so far, MiB."""
    match = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert match
    return int(match[1]) / 1024
