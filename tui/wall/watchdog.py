"""The sign of life that systemd waits for (sd_notify): a program that hangs is ended and started again."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping


class Watchdog:
    """Says nothing where nobody listens: `NOTIFY_SOCKET` is set by systemd alone."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        where = (os.environ if environment is None else environment).get("NOTIFY_SOCKET", "")
        self._address = "\0" + where[1:] if where.startswith("@") else where

    def ready(self) -> None:
        """The first picture is up."""
        self._say(b"READY=1")

    def alive(self) -> None:
        """Called every second by what draws the clock."""
        self._say(b"WATCHDOG=1")

    def _say(self, word: bytes) -> None:
        if not self._address:
            return
        with (
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as end,
            contextlib.suppress(OSError),
        ):
            end.sendto(word, self._address)
