"""The driver of a real terminal, which also knows whether the terminal has taken what was written.

Textual hands text to a thread that writes it, through a queue of thirty pieces; a put into a full queue blocks the
loop. Here the loop can ask first, and is told when the last byte is gone.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Any, cast

from textual import events
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from .gauge import Gauge, Outlet
from .pens import RESET

if TYPE_CHECKING:
    from textual.app import App

_BY_HAND = (events.Key, events.Paste, events.MouseDown, events.MouseScrollDown, events.MouseScrollUp)


class TerminalDriver(Gauge, LinuxDriver):
    """Textual's driver with a gauge."""

    def __init__(
        self, app: App[Any], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self._outlet = Outlet(cast(IO[str], self._file), self._loop)
        self._file = cast(Any, self._outlet)

    def write(self, data: str) -> None:
        """Queue for the terminal."""
        self._outlet.give(len(data))
        LinuxDriver.write(self, data)

    def start_application_mode(self) -> None:
        """Take the terminal over; whatever was on its screen is gone."""
        super().start_application_mode()  # type: ignore[no-untyped-call]
        self.tenure += 1
        self.is_away = False

    def stop_application_mode(self) -> None:
        """Give the terminal back."""
        self.is_away = True
        self.write(RESET)
        super().stop_application_mode()

    def process_message(self, message: Message) -> None:
        """Called by the thread that reads keys."""
        if isinstance(message, events.CursorPosition):
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
