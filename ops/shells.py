"""Interactive terminals that run in the executor: bytes go through to the cockpit and into the recording."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from crashcart.backends.contract import ShellOpener, Terminal
from crashcart.backends.errors import BackendError

from .clock import Clock
from .protocol import TargetResult
from .recording import Recording

MOST_COLUMNS = 1000
MOST_ROWS = 500
OPEN_SECONDS = 30.0

Output = Callable[[bytes], Awaitable[None]]


class Shell:
    """One terminal on one node, from opening to exit status."""

    def __init__(self, target: str, path: Path, clock: Clock, output: Output) -> None:
        self._target = target
        self._path = path
        self._clock = clock
        self._output = output
        self._terminal: Terminal | None = None
        self._recording: Recording | None = None
        self._closed = False

    async def run(self, opener: ShellOpener, params: Mapping[str, str]) -> TargetResult:
        """Open it, pass its bytes on until it ends, say how it ended."""
        columns, rows = _size(params.get("columns", ""), params.get("rows", ""))
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                terminal = await opener.open_shell(
                    self._target, term=params.get("term") or "xterm-256color", columns=columns, rows=rows
                )
        except BackendError as error:
            return TargetResult(self._target, "FAILED", f"no shell was opened: {error}")
        except TimeoutError:
            return TargetResult(self._target, "FAILED", f"no shell was opened within {OPEN_SECONDS:.0f} s")
        self._terminal = terminal
        self._recording = Recording(self._path, columns, rows, self._clock)
        try:
            if self._closed:
                terminal.close()
            await self._pump(terminal, self._recording)
            status = await terminal.wait()
        finally:
            terminal.close()
            self._recording.close()
        return self._ended(status)

    def write(self, data: bytes) -> None:
        """Pass on what the operator types."""
        if self._terminal is not None and not self._closed:
            self._terminal.write(data)

    def resize(self, columns: int, rows: int) -> None:
        """Pass on a new size of the operator's terminal."""
        if self._terminal is None or self._recording is None or self._closed:
            return
        columns, rows = _size(str(columns), str(rows))
        self._terminal.resize(columns, rows)
        self._recording.resize(columns, rows)

    def close(self) -> None:
        """Hang up; the operator has gone."""
        self._closed = True
        if self._terminal is not None:
            self._terminal.close()

    async def _pump(self, terminal: Terminal, recording: Recording) -> None:
        while data := await terminal.read():
            recording.output(data)
            await self._output(data)

    def _ended(self, status: int | None) -> TargetResult:
        saved = str(self._path)
        if self._closed:
            return TargetResult(self._target, "VERIFIED", "hung up from here", saved=saved)
        if status is None:
            return TargetResult(
                self._target, "UNKNOWN", "the link was lost, how the shell ended is not known", saved=saved
            )
        return TargetResult(self._target, "VERIFIED", f"the shell ended with exit status {status}", saved=saved)


def _size(columns: str, rows: str) -> tuple[int, int]:
    wide = int(columns) if columns.isascii() and columns.isdecimal() else 80
    high = int(rows) if rows.isascii() and rows.isdecimal() else 24
    return min(max(wide, 1), MOST_COLUMNS), min(max(high, 1), MOST_ROWS)
