"""A terminal at the end of a slow link: it takes so many bytes a second and no more, and answers when it got there."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Mapping, Sequence

from .pty_terminal import PtyTerminal

READ_BYTES = 256


class SlowTerminal(PtyTerminal):
    """`speed` bytes a second reach the screen; where its cursor is, it says `latency` seconds after it was asked."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        speed: float,
        latency: float = 0.0,
        columns: int = 80,
        rows: int = 24,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._speed = speed
        self._free_at = 0.0
        self._latency = latency
        self._answers: list[tuple[float, bytes]] = []
        super().__init__(argv, columns=columns, rows=rows, env=env)

    def pump(self, seconds: float) -> int:
        """Take in what the link carries in `seconds`; return the number of bytes."""
        got = 0
        end = time.monotonic() + seconds
        while (now := time.monotonic()) < end:
            due = min([end, *(when for when, _ in self._answers)])
            if due <= now:
                os.write(self.fd, self._answers.pop(0)[1])
            elif now < self._free_at:
                time.sleep(min(due, self._free_at) - now)
            elif select.select([self.fd], [], [], due - now)[0]:
                try:
                    data = os.read(self.fd, READ_BYTES)
                except OSError:
                    return got
                self._free_at = max(self._free_at, time.monotonic() - 0.05) + len(data) / self._speed
                got += len(data)
                self.take(data)
        return got

    def _reply(self, answer: bytes) -> None:
        self._answers.append((time.monotonic() + self._latency, answer))
