"""One server, asked from the event loop: requests run in threads of its own, and time is up when we say so.

The clients' own timeouts start anew with every byte, and a resolver knows none: so whoever waits cuts the sockets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, Protocol, TypeVar

from crashcart.backends.errors import Unreachable

from .answer_lost import no_answer

_THREADS = 2
"""One that works, and one for when the first is stuck in a name lookup that nothing can end."""


class Cuttable(Protocol):
    """A session, as far as a link cares."""

    @property
    def has_connected(self) -> bool: ...

    def cut(self) -> None: ...


Session = TypeVar("Session", bound=Cuttable)
Found = TypeVar("Found")


class Link(Generic[Session]):
    """The way to one server, for one caller at a time; `where` is what it is called in errors.

    `make` opens a session without asking anything yet. It runs in a thread too, for it loads the HTTP client.
    """

    def __init__(self, where: str, make: Callable[[], Session], *, threads: str) -> None:
        self.where = where
        self._make = make
        self._session: Session | None = None
        self._is_closed = False
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix=threads)

    async def within(self, seconds: float, call: Callable[[Session], Found], *, what: str = "") -> Found:
        """The result of `call`, which runs in a thread. `what` is asked, for the error.

        Raises Unreachable when that takes longer, AnswerLost when something may have been received by then.
        """
        session = await self._opened()
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.get_running_loop().run_in_executor(self._threads, call, session)
        except TimeoutError:
            raise no_answer(self.where, seconds, what=what, has_connected=self.cut()) from None
        except asyncio.CancelledError:
            self.cut()
            raise

    def cut(self) -> bool:
        """End what is on its way, and return whether it had a connection; the next call makes a new one."""
        session, self._session = self._session, None
        if session is None:
            return False
        session.cut()
        return session.has_connected

    def close(self) -> None:
        """Let go of everything; may be called twice."""
        self._is_closed = True
        self.cut()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _opened(self) -> Session:
        if self._session is None and not self._is_closed:
            self._session = await asyncio.get_running_loop().run_in_executor(self._threads, self._make)
        if self._is_closed or self._session is None:
            self.cut()
            raise Unreachable(f"{self.where}: the connection was given up; it is made anew")
        return self._session
