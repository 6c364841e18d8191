"""What our reading costs the API server: each listing, and each watch by what it brought."""

from __future__ import annotations

import threading
import time

from crashcart.backends.model import Load, RequestLoad


class Ledger:
    """Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lists: dict[str, tuple[float, RequestLoad]] = {}
        self._streams: dict[str, tuple[int, int]] = {}  # what -> (events, bytes) since the last item
        self._told = time.monotonic()

    def listed(self, what: str, seconds: float, size_bytes: int, rows: int) -> None:
        """A listing has come, in so many pages."""
        now = time.monotonic()
        with self._lock:
            every = now - self._lists[what][0] if what in self._lists else 0.0
            self._lists[what] = (now, RequestLoad(what, every, seconds, size_bytes, rows))

    def streamed(self, what: str, events: int, size_bytes: int) -> None:
        """A watch brought these events."""
        with self._lock:
            before = self._streams.get(what, (0, 0))
            self._streams[what] = (before[0] + events, before[1] + size_bytes)

    def item(self, source: str, cluster: str, when: float) -> Load:
        """Listings as they were last, and watches over the time since the last item."""
        now = time.monotonic()
        with self._lock:
            lists = [load for _, load in self._lists.values()]
            period, self._told = now - self._told, now
            streams = [RequestLoad(what, period, 0.0, size, events) for what, (events, size) in self._streams.items()]
            self._streams = dict.fromkeys(self._streams, (0, 0))
        return Load(source, cluster, when, tuple(sorted([*lists, *streams], key=lambda load: load.what)))
