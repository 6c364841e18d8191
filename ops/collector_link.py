"""The cockpit's end of the collector: starts it, takes its messages in, brings it back when it dies or freezes."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from crashcart.backends import wire
from crashcart.backends.errors import Malformed

from .session import Session, encode_session
from .store import Store

SILENT_SECONDS = 4.0
"""A collector beats every second; after this long without a word it counts as frozen and is replaced."""

RESTART_SECONDS = 0.5
LONGEST_RESTART_SECONDS = 10.0


class CollectorProcess:
    """A collector and our end of its socket. Spawning is synchronous, so that it can come before any slow import."""

    def __init__(self, session: Session, log: Path | None) -> None:
        ours, theirs = socket.socketpair()
        with theirs, _opened(log) as stderr:
            self.process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-P", "-m", "crashcart.ops.collector", "--fd", str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                process_group=0,  # Ctrl-C before raw mode is not for it
            )
        ours.sendall(encode_session(session) + b"\n")
        self.socket = ours

    def kill(self) -> None:
        """End it now and collect its exit status."""
        self.process.kill()
        self.process.wait()


def _opened(log: Path | None) -> BinaryIO:
    if log is None:
        return Path(os.devnull).open("wb")
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return log.open("ab")


class CollectorLink:
    """Feeds a store from a collector for as long as it runs."""

    def __init__(self, session: Session, *, log: Path | None = None, first: CollectorProcess | None = None) -> None:
        self._session = session
        self._log = log
        self._next = first
        self._focus = wire.Focus()
        self._writer: asyncio.StreamWriter | None = None

    def look_at(self, focus: wire.Focus) -> None:
        """Tell the collector, and every one that follows it, what is on the screen in detail."""
        if focus == self._focus:
            return
        self._focus = focus
        if self._writer is not None:
            self._writer.write(wire.frame(focus))

    async def run(self, store: Store, on_change: Callable[[frozenset[str]], None]) -> None:
        """Apply messages to `store` and call `on_change` with the kinds that changed, until cancelled."""
        pause = RESTART_SECONDS
        while True:
            process = self._next or CollectorProcess(self._session, self._log)
            self._next = None
            try:
                heard = await self._follow(process, store, on_change)
            finally:
                process.kill()
            store.collector_lost()
            on_change(frozenset(("source",)))
            pause = RESTART_SECONDS if heard else min(pause * 2, LONGEST_RESTART_SECONDS)
            await asyncio.sleep(pause)

    async def _follow(
        self, process: CollectorProcess, store: Store, on_change: Callable[[frozenset[str]], None]
    ) -> bool:
        """Apply one collector's messages until it ends, freezes or talks nonsense; return whether it said hello."""
        reader, writer = await asyncio.open_unix_connection(sock=process.socket, limit=1 << 20)
        heard = False
        messages = wire.messages(reader)
        try:
            while True:
                async with asyncio.timeout(SILENT_SECONDS if heard else SILENT_SECONDS * 3):
                    message = await anext(messages, None)
                if message is None:
                    return heard
                if isinstance(message, wire.Hello):
                    heard = True
                    self._writer = writer
                    writer.write(wire.frame(self._focus))
                    store.collector_up()
                    on_change(frozenset(("source",)))
                    continue
                changed = store.apply(message)
                if changed:
                    on_change(changed)
        except (TimeoutError, Malformed):
            return heard
        finally:
            self._writer = None
            await messages.aclose()
            writer.close()
