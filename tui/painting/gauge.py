"""What a driver has to know of its terminal for output to be paced."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import IO


class Gauge:
    """What a painted app asks its driver.

    `tenure` counts how often the terminal was taken over, `is_away` says that it belongs to somebody else right now,
    `key_at` is the monotonic moment of the last thing the operator did, and `on_answer` is called on the loop with the
    moment of the terminal's answer to a question for its cursor, and the cursor's column from 0.
    """

    tenure = 0
    is_away = True
    key_at = float("-inf")
    on_answer: Callable[[float, int], None] | None = None

    def write(self, data: str) -> None:
        """Send to the terminal."""
        raise NotImplementedError

    @property
    def lag(self) -> float:
        """Seconds that the terminal took, or has taken so far, for what was written last."""
        return 0.0

    @property
    def size_bytes(self) -> int:
        """Written since the start."""
        return 0

    @property
    def is_drained(self) -> bool:
        """Nothing is under way to the terminal."""
        return True

    def when_drained(self, callback: Callable[[], None]) -> None:
        """Call back on the loop, once; of several only the last."""
        asyncio.get_running_loop().call_soon(callback)


class Outlet:
    """The file under a writing thread: it knows what is under way, in characters."""

    def __init__(self, file: IO[str], loop: asyncio.AbstractEventLoop) -> None:
        self._file = file
        self._loop = loop
        self._waiting: Callable[[], None] | None = None
        self._given = 0
        self._written = 0
        self._taken = 0
        self._given_at = 0.0
        self._lag = 0.0
        self.size_bytes = 0

    def begin_anew(self) -> None:
        """Another thread writes from now on; what the one before was given late is lost."""
        self._given = self._written = self._taken = 0

    def give(self, size: int) -> None:
        """The loop has queued so many characters."""
        if self.is_drained:
            self._given_at = time.monotonic()
        self._given += size

    def fileno(self) -> int:
        """The terminal."""
        return self._file.fileno()

    def write(self, text: str) -> None:
        """Hand on a piece; called by the thread."""
        self._file.write(text)
        self._written += len(text)
        self.size_bytes += len(text) if text.isascii() else len(text.encode(errors="replace"))

    def flush(self) -> None:
        """Wait until the terminal has all pieces; called by the thread when it knows of no more."""
        self._file.flush()
        self._taken = self._written
        if self.is_drained:
            self._lag = time.monotonic() - self._given_at
            self._tell()

    @property
    def is_drained(self) -> bool:
        """Nothing is under way."""
        return self._taken == self._given

    @property
    def lag(self) -> float:
        """Seconds from the first piece into an empty queue until the queue was empty again."""
        return self._lag if self.is_drained else time.monotonic() - self._given_at

    def when_drained(self, callback: Callable[[], None]) -> None:
        """Call back on the loop, once; of several only the last."""
        self._waiting = callback
        if self.is_drained:  # the thread may have looked just before
            self._tell()

    def _tell(self) -> None:
        callback, self._waiting = self._waiting, None
        if callback is not None:
            self._loop.call_soon_threadsafe(callback)
