"""Watches: events from a revision on, initial events, bookmarks, an end in time - or an ERROR when history is gone."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator

from .listing import selection
from .requests import Reply, Request
from .resources import Resource
from .selectors import Test
from .status import Refusal, bad_request, invalid
from .store import Change, Store, Stored, encode
from .versions import alone

SHORTEST_WATCH = 1800.0  # a watch without a timeout lives between this and twice this, in seconds
LAST_BOOKMARK = 2.0  # seconds before the end of a watch
INITIAL_END = {"k8s.io/initial-events-end": "true"}
EMPTY_PARTS: dict[str, dict[str, object]] = {
    "Pod": {"spec": {"containers": None}, "status": {}},
    "Node": {"spec": {}, "status": {}},
}
"""A bookmark is an empty object of its kind: a list that it must have is null."""
LONGEST_WAIT = 0.5  # seconds until a watch looks whether it shall still be there


class Watching:
    """How watches of this server behave. `open_gate` gives a new watch its gate: it blocks while watches are frozen and
    raises when this one is to be dropped."""

    def __init__(self, store: Store, open_gate: Callable[[], Callable[[], None]]) -> None:
        self.store = store
        self.open_gate = open_gate
        self.heal()

    def heal(self) -> None:
        """Bookmarks each minute, and lists by watch."""
        self.bookmark_seconds = 60.0
        self.streams_lists = True

    def reply(self, request: Request, resource: Resource) -> Reply:
        """Refused are only requests that make no sense; an expired revision is told inside of the stream."""
        self._check(request)
        wanted = selection(request, resource)
        stream = Stream(self, request, resource, wanted)
        return Reply(stream=stream.events())

    def _check(self, request: Request) -> None:
        if not request.is_on("sendInitialEvents"):
            return
        faults = []
        if not self.streams_lists:
            said = "Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled"
            faults.append(("sendInitialEvents", "FieldValueForbidden", said))
        elif request.option("resourceVersionMatch") != "NotOlderThan":
            said = "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
            faults.append(("resourceVersionMatch", "FieldValueForbidden", said))
        if faults:
            raise invalid("meta.k8s.io", "ListOptions", "", faults)


class Stream:
    """One watch."""

    def __init__(self, watching: Watching, request: Request, resource: Resource, wanted: Test | None) -> None:
        self._gate = watching.open_gate()
        self._watching, self._store, self._resource = watching, watching.store, resource
        self._version, self._namespace, self._wanted = request.place.version, request.place.namespace, wanted
        asked = request.option("resourceVersion")
        if asked and not asked.isdecimal():
            raise bad_request(f'resourceVersion: Invalid value: "{asked}": must be a number')
        self._revision = int(asked or 0)
        self._initial_end = request.is_on("sendInitialEvents")
        self._starts_anew = self._revision == 0 or self._initial_end
        self._bookmarks = request.is_on("allowWatchBookmarks")
        seconds = float(request.option("timeoutSeconds") or 0)
        self._end = time.monotonic() + (seconds or SHORTEST_WATCH * random.uniform(1, 2))
        self._next_bookmark = self._bookmark_after(time.monotonic())

    def events(self) -> Iterator[bytes]:
        """Lines of JSON, many in one piece when there are many."""
        if self._starts_anew:
            yield self._initial()
        while time.monotonic() < self._end:
            self._gate()
            try:
                piece = self._news()
            except Refusal as error:
                yield _line(b"ERROR", encode(error.body()))
                return
            self._gate()  # again: it may have been closed while this waited for news
            if piece:
                yield piece

    def _initial(self) -> bytes:
        with self._store.lock:
            shelf = self._store.shelf(self._resource)
            rows = [shelf.rows[key] for key in shelf.sorted_keys()]
            self._revision = self._store.revision
        lines = [_line(b"ADDED", alone(row, self._version)) for row in rows if self._shows(row)]
        if self._initial_end:
            lines.append(self._bookmark(INITIAL_END))
        return b"".join(lines)

    def _news(self) -> bytes:
        """What came since the last look, or while waiting for it."""
        with self._store.changed:
            changes = self._store.changes(self._resource, self._revision)
            if not changes:
                self._store.changed.wait(self._seconds_to_wait())
                changes = self._store.changes(self._resource, self._revision)
            now = self._store.revision
        lines = [line for change in changes if (line := self._event(change))]
        if changes:
            self._revision = changes[-1].revision
        if self._bookmarks and time.monotonic() >= self._next_bookmark and self._revision <= now:
            self._revision = now
            self._next_bookmark = self._bookmark_after(time.monotonic())
            lines.append(self._bookmark())
        return b"".join(lines)

    def _event(self, change: Change) -> bytes:
        """From the view of this watch: what no longer matches is deleted."""
        new = change.new if change.new is not None and self._shows(change.new) else None
        old = change.old if change.old is not None and self._shows(change.old) else None
        if new is not None:
            return _line(b"ADDED" if old is None else b"MODIFIED", alone(new, self._version))
        if old is None:
            return b""
        metadata = {**old.value["metadata"], "resourceVersion": str(change.revision)}
        last = Stored(self._resource, {**old.value, "metadata": metadata}, change.revision)
        return _line(b"DELETED", alone(last, self._version))

    def _shows(self, row: Stored) -> bool:
        if self._namespace and row.value["metadata"].get("namespace") != self._namespace:
            return False
        return self._wanted is None or self._wanted(row.value)

    def _bookmark(self, annotations: dict[str, str] | None = None) -> bytes:
        metadata: dict[str, object] = {"resourceVersion": str(self._revision)}
        if annotations:
            metadata["annotations"] = annotations
        api_version = self._resource.api_version_at(self._version)
        empty = EMPTY_PARTS.get(self._resource.kind, {})
        thing = {"kind": self._resource.kind, "apiVersion": api_version, "metadata": metadata, **empty}
        return _line(b"BOOKMARK", encode(thing))

    def _bookmark_after(self, now: float) -> float:
        periodic, last = now + self._watching.bookmark_seconds, self._end - LAST_BOOKMARK
        return last if now < last < periodic else periodic

    def _seconds_to_wait(self) -> float:
        now = time.monotonic()
        until = min(self._end, self._next_bookmark) if self._bookmarks else self._end
        return max(0.0, min(LONGEST_WAIT, until - now))


def _line(kind: bytes, thing: bytes) -> bytes:
    return b'{"type":"' + kind + b'","object":' + thing + b"}\n"
