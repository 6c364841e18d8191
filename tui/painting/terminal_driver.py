"""The driver of a real terminal, which also knows whether the terminal has taken what was written.

Textual hands text to a thread that writes it, through a queue of thirty pieces; a put into a full queue blocks the
loop. Here the loop can ask first, and is told when the last byte is gone.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Any, cast

from textual import events
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from .gauge import Gauge, Outlet
from .pace import QUESTION
from .pens import RESET

if TYPE_CHECKING:
    from textual.app import App

ANSWER_SECONDS = 2.0
"""An answer that comes when the terminal is somebody else's is typed into their shell: so long it is waited for."""

_BY_HAND = (events.Key, events.Paste, events.MouseDown, events.MouseScrollDown, events.MouseScrollUp)


class TerminalDriver(Gauge, LinuxDriver):
    """Textual's driver with a gauge."""

    def __init__(
        self, app: App[Any], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self._outlet = Outlet(cast(IO[str], self._file), self._loop)
        self._file = cast(Any, self._outlet)
        self._asked = 0  # by the loop
        self._answered = 0  # to the thread that reads keys
        self._answer_came = threading.Event()

    def write(self, data: str) -> None:
        """Queue for the terminal."""
        self._asked += data.count(QUESTION)
        self._outlet.give(len(data))
        LinuxDriver.write(self, data)

    def start_application_mode(self) -> None:
        """Take the terminal over; whatever was on its screen is gone."""
        self._outlet.begin_anew()
        super().start_application_mode()  # type: ignore[no-untyped-call]
        self.tenure += 1
        self.is_away = False

    def stop_application_mode(self) -> None:
        """Give the terminal back."""
        self.is_away = True
        self.write(RESET)
        super().stop_application_mode()

    def disable_input(self) -> None:
        """Read no more keys; before that, the answers that are still to come."""
        end = time.monotonic() + ANSWER_SECONDS
        while 0 < self._answered < self._asked and self._is_reading and (left := end - time.monotonic()) > 0:
            self._answer_came.wait(min(left, 0.1))
            self._answer_came.clear()
        self._asked = self._answered
        super().disable_input()

    @property
    def _is_reading(self) -> bool:
        return self._key_thread is not None and self._key_thread.is_alive()

    def process_message(self, message: Message) -> None:
        """Called by the thread that reads keys."""
        if isinstance(message, events.CursorPosition):
            self._answered += 1
            self._answer_came.set()
            if self.on_answer is not None:
                self._loop.call_soon_threadsafe(self.on_answer, message.time, message.x)
            return
        if isinstance(message, _BY_HAND):
            self.key_at = time.monotonic()
        super().process_message(message)

    @property
    def lag(self) -> float:
        return self._outlet.lag

    @property
    def size_bytes(self) -> int:
        return self._outlet.size_bytes

    @property
    def is_drained(self) -> bool:
        return self._outlet.is_drained

    def when_drained(self, callback: Callable[[], None]) -> None:
        self._outlet.when_drained(callback)
