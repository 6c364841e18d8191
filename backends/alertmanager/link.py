"""One Alertmanager, asked from the event loop: requests run in threads of its own, and time is up when we say so."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeVar

from crashcart.backends.errors import Unreachable

from .answer import Answer, AnswerLost
from .options import Options, name_of

if TYPE_CHECKING:
    from .transport import Transport

LIMIT = 64 << 20
"""Bytes of an answer; 10,000 alerts are some 7 MiB."""

_THREADS = 2
"""One that works, and one for when the first is stuck in a name lookup that nothing can end."""

Found = TypeVar("Found")


class Ask(Protocol):
    """One request, made in a thread: path behind the url. Errors are those of `Transport.ask`."""

    def __call__(self, method: str, path: str, body: bytes | None = None, *, limit: int = LIMIT) -> Answer: ...


class Link:
    """The way to one Alertmanager, for one caller at a time."""

    def __init__(self, url: str, options: Options) -> None:
        self.name = name_of(url)
        self.options = options
        self._url = url
        self._lock = threading.Lock()
        self._transport: Transport | None = None
        self._generation = 0  # of the transport: a call whose time is up must not open another one
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="alertmanager")

    async def within(self, seconds: float, call: Callable[[Ask], Found]) -> Found:
        """The result of `call`, which runs in a thread.

        Raises Unreachable when that takes longer, AnswerLost when something may have been received by then.
        """
        ask: Ask = partial(self._ask, self._generation)
        is_done = False
        try:
            async with asyncio.timeout(seconds):
                found = await asyncio.get_running_loop().run_in_executor(self._threads, call, ask)
                is_done = True
                return found
        except TimeoutError:
            text = f"alertmanager {self.name}: no answer within {seconds:.3g} s; it hangs, or the network does"
            raise (AnswerLost if self.cut() else Unreachable)(text) from None
        finally:
            if not is_done:
                self.cut()

    def cut(self) -> bool:
        """End what is on its way, and return whether it had a connection; the next call makes a new one."""
        with self._lock:
            self._generation += 1
            transport, self._transport = self._transport, None
        if transport is None:
            return False
        transport.cut()
        return transport.has_connected

    def close(self) -> None:
        """Let go of everything; may be called twice."""
        self.cut()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _ask(self, generation: int, method: str, path: str, body: bytes | None = None, *, limit: int = LIMIT) -> Answer:
        return self._opened(generation).ask(method, path, body, limit)

    def _opened(self, generation: int) -> Transport:
        from .transport import Transport  # half a second, spent in a thread

        with self._lock:
            if generation != self._generation:
                raise Unreachable(f"alertmanager {self.name}: the time for this question is up; nothing was sent")
            if self._transport is None:
                self._transport = Transport(self._url, self.options)
            return self._transport
