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

    def __init__(self, target: str, host: str, path: Path, clock: Clock, output: Output) -> None:
        self._target = target
        self._host = host
        self._path = path
        self._clock = clock
        self._output = output
        self._terminal: Terminal | None = None
        self._recording: Recording | None = None
        self._ending = ""  # why we end it ourselves

    async def run(self, opener: ShellOpener, params: Mapping[str, str]) -> TargetResult:
        """Open it, pass its bytes on until it ends, say how it ended. Without a recording no shell is opened."""
        columns, rows = _size(params.get("columns", ""), params.get("rows", ""))
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._recording = Recording(self._path, columns, rows, self._clock)
        except OSError as error:
            return TargetResult(self._target, "FAILED", f"no shell was opened: {self._path}: {error.strerror}")
        try:
            return await self._session(opener, params.get("term") or "xterm-256color", columns, rows)
        finally:
            self._recording.close()
            if self._terminal is None:  # nothing was shown
                self._path.unlink(missing_ok=True)

    def write(self, data: bytes) -> None:
        """Pass on what the operator types."""
        if self._terminal is None or self._ending:
            return
        try:
            self._terminal.write(data)
        except (OSError, BackendError):  # its link has just been lost: reading tells, and says how it ended
            return

    def resize(self, columns: int, rows: int) -> None:
        """Pass on a new size of the operator's terminal."""
        if self._terminal is None or self._recording is None or self._ending:
            return
        columns, rows = _size(str(columns), str(rows))
        self._terminal.resize(columns, rows)
        try:
            self._recording.resize(columns, rows)
        except OSError as error:
            self._unrecorded(error)

    def close(self) -> None:
        """Hang up; the operator has gone."""
        self._end("hung up from here")

    async def _session(self, opener: ShellOpener, term: str, columns: int, rows: int) -> TargetResult:
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                terminal = await opener.open_shell(self._host, term=term, columns=columns, rows=rows)
        except BackendError as error:
            return TargetResult(self._target, "FAILED", f"no shell was opened: {error}")
        except TimeoutError:
            return TargetResult(self._target, "FAILED", f"no shell was opened within {OPEN_SECONDS:.0f} s")
        self._terminal = terminal
        try:
            if not self._ending:
                await self._pump(terminal)
            status = None if self._ending else await terminal.wait()
        finally:
            terminal.close()
        return self._ended(status)

    async def _pump(self, terminal: Terminal) -> None:
        while data := await _read(terminal):
            try:
                if self._recording is not None:
                    self._recording.output(data)
            except OSError as error:
                self._unrecorded(error)
                return
            await self._output(data)

    def _unrecorded(self, error: OSError) -> None:
        self._end(f"closed, because the recording could not be written: {error.strerror}")

    def _end(self, why: str) -> None:
        self._ending = self._ending or why
        if self._terminal is not None:
            self._terminal.close()

    def _ended(self, status: int | None) -> TargetResult:
        saved = str(self._path)
        if self._ending:
            return TargetResult(self._target, "VERIFIED", self._ending, saved=saved)
        if status is None:
            return TargetResult(
                self._target, "UNKNOWN", "the link was lost; how the shell ended is unknown", saved=saved
            )
        return TargetResult(self._target, "VERIFIED", f"the shell ended with exit status {status}", saved=saved)


async def _read(terminal: Terminal) -> bytes:
    try:
        return await terminal.read()
    except BackendError:  # a lost link is an end without exit status
        return b""


def _size(columns: str, rows: str) -> tuple[int, int]:
    wide = int(columns) if columns.isascii() and columns.isdecimal() else 80
    high = int(rows) if rows.isascii() and rows.isdecimal() else 24
    return min(max(wide, 1), MOST_COLUMNS), min(max(high, 1), MOST_ROWS)
