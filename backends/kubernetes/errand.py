"""One piece of blocking work in a thread of its own, which nobody has to wait for at the end of the process.

A pool would be joined at exit, and a sign-in command that hangs would then hold the whole process.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from crashcart.backends.errors import BackendError, Unreachable

T = TypeVar("T")


class _Errand(threading.Thread, Generic[T]):
    def __init__(self, name: str, work: Callable[[], T], loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(name=name, daemon=True)
        self.ended = asyncio.Event()
        self.found: list[T] = []
        self.error: BackendError | None = None
        self._work = work
        self._loop = loop

    def run(self) -> None:
        try:
            self.found.append(self._work())
        except BackendError as error:
            self.error = error
        finally:
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                self._loop.call_soon_threadsafe(self.ended.set)


async def in_thread(name: str, work: Callable[[], T]) -> T:
    """What `work` returns or raises; only a BackendError is passed on, a bug ends the thread with its traceback."""
    errand = _Errand(name, work, asyncio.get_running_loop())
    errand.start()
    await errand.ended.wait()
    if errand.error is not None:
        raise errand.error
    if not errand.found:
        raise Unreachable(f"{name}: an internal error, its traceback is in the log")
    return errand.found[0]
