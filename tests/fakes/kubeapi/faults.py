"""What can be wrong with a server: frozen, half open, refusing, slow, cut off."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass

from .requests import Reply, Request
from .status import Refusal, internal_error, too_many_requests, unavailable


class Dropped(ConnectionError):
    """The connection is to be cut off now."""


@dataclass
class Refusing:
    """The next `times` requests whose method and path match are answered with `code`."""

    code: int
    times: int
    method: str = ""
    path: str = ""

    def concerns(self, request: Request) -> bool:
        return (not self.method or self.method == request.method) and bool(re.search(self.path, request.path))


class Faults:
    """Set from any thread; requests of all threads meet them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running = threading.Event()
        self._watches_running = threading.Event()
        self._refusals: list[Refusing] = []
        self.is_half_open = False
        self.latency_seconds = 0.0
        self.truncated_path = ""
        self.watch_generation = 0
        self.is_closing = False
        self.heal()

    def heal(self) -> None:
        """As in the beginning."""
        with self._lock:
            self._refusals = []
        self.is_half_open = False
        self.latency_seconds = 0.0
        self.truncated_path = ""
        self.thaw()

    def freeze(self) -> None:
        """Connections are taken and nothing is answered, as by a process that was stopped."""
        self._running.clear()

    def thaw(self) -> None:
        """What waited is answered now; connections that came half open are answered too."""
        self.is_half_open = False
        self._running.set()
        self._watches_running.set()

    def freeze_watches(self) -> None:
        """Watches stay open and silent; all else works."""
        self._watches_running.clear()

    def half_open(self) -> None:
        """New connections are taken and never answered, not even their TLS greeting; old ones work."""
        self.is_half_open = True

    def drop_watches(self) -> None:
        """Cut off every watch there is."""
        self.watch_generation += 1

    def refuse(self, code: int, times: int = 1, method: str = "", path: str = "") -> None:
        """429 as of API priority and fairness, 500 or 503; `path` is a regular expression found in the path."""
        with self._lock:
            self._refusals.append(Refusing(code, times, method, path))

    def close(self) -> None:
        """Let all who wait go, and drop them."""
        self.is_closing = True
        self.watch_generation += 1
        self.thaw()

    def wait(self) -> None:
        """Until the server is not frozen. Raises Dropped when it ends instead."""
        self._running.wait()
        if self.is_closing:
            raise Dropped

    def wait_half_open(self) -> None:
        """For a new connection."""
        while self.is_half_open and not self.is_closing:
            time.sleep(0.01)
        self.wait()

    def watch_gate(self, generation: int) -> None:
        """For a watch that began in some generation."""
        self.wait()
        self._watches_running.wait()
        if self.watch_generation != generation:
            raise Dropped

    def refusal(self, request: Request) -> Reply | None:
        """The answer that a fault gives instead of the server."""
        with self._lock:
            found = next((one for one in self._refusals if one.times and one.concerns(request)), None)
            if found is None:
                return None
            found.times -= 1
        return Reply.refusing(_refusal(found.code))

    def truncates(self, request: Request) -> bool:
        """Whether the body of an answer is cut off in the middle."""
        return bool(self.truncated_path and re.search(self.truncated_path, request.path))


def _refusal(code: int) -> Refusal:
    match code:
        case 429:
            return too_many_requests()
        case 500:
            return internal_error("etcdserver: request timed out")
        case 503:
            return unavailable()
        case 401:
            return Refusal(401, "Unauthorized", "Unauthorized")
    return Refusal(code, f"fault {code}")
