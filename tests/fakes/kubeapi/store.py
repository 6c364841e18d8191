"""All objects, each write with the next resourceVersion, and per kind a log of the latest writes to watch."""

from __future__ import annotations

import json
import threading
from collections import deque
from dataclasses import dataclass
from typing import Any

from .resources import Resource
from .status import expired_version

Object = dict[str, Any]
Key = tuple[str, str]
"""Namespace (empty for what belongs to the cluster) and name."""

FIRST_REVISION = 12_000  # far from 1, so that `resourceVersion=1` is older than everything, as in the recording
HISTORY = 10_000


def encode(value: Object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


class Stored:
    """One version of one object; never changed, encoded once."""

    __slots__ = ("_tail", "resource", "revision", "value")

    def __init__(self, resource: Resource, value: Object, revision: int) -> None:
        self.resource, self.value, self.revision = resource, value, revision
        self._tail: bytes | None = None

    @property
    def tail(self) -> bytes:
        """JSON without the opening brace, kind and apiVersion: what is the same in a list and alone."""
        if self._tail is None:
            rest = {key: part for key, part in self.value.items() if key not in ("kind", "apiVersion")}
            self._tail = encode(rest)[1:]
        return self._tail


@dataclass(frozen=True, slots=True)
class Change:
    """One write: what was there before (None: created) and what is there now (None: deleted, `old` is the last)."""

    revision: int
    old: Stored | None
    new: Stored | None


class Shelf:
    """All objects of one kind."""

    def __init__(self, oldest: int, history: int) -> None:
        self.rows: dict[Key, Stored] = {}
        self.log: deque[Change] = deque(maxlen=history)
        self.oldest = oldest
        """Writes up to this revision are forgotten."""
        self._sorted: list[Key] | None = None

    def write(self, key: Key, change: Change) -> None:
        if len(self.log) == self.log.maxlen:
            self.oldest = self.log[0].revision
        self.log.append(change)
        if change.new is None:
            del self.rows[key]
        else:
            self.rows[key] = change.new
        if change.old is None or change.new is None:
            self._sorted = None

    @property
    def latest(self) -> int:
        """Revision of the last write."""
        return self.log[-1].revision if self.log else self.oldest

    def sorted_keys(self) -> list[Key]:
        """In the order in which etcd keeps them."""
        if self._sorted is None:
            self._sorted = sorted(self.rows, key="/".join)
        return self._sorted


class Store:
    """Guarded by `lock`; `changed` is notified after each write and whenever `wake` is called."""

    def __init__(self, history: int = HISTORY) -> None:
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.revision = FIRST_REVISION
        self.history = history
        self._oldest = FIRST_REVISION
        self._shelves: dict[Resource, Shelf] = {}

    def shelf(self, resource: Resource) -> Shelf:
        shelf = self._shelves.get(resource)
        if shelf is None:
            shelf = self._shelves[resource] = Shelf(self._oldest, self.history)
        return shelf

    def get(self, resource: Resource, key: Key) -> Stored | None:
        return self.shelf(resource).rows.get(key)

    def values(self, resource: Resource) -> list[Object]:
        """All objects of a kind as they are now."""
        with self.lock:
            return [row.value for row in self.shelf(resource).rows.values()]

    def put(self, resource: Resource, value: Object) -> Stored:
        """Create or replace; the object gets its resourceVersion here."""
        with self.lock:
            self.revision += 1
            stamped = {**value, "metadata": {**value["metadata"], "resourceVersion": str(self.revision)}}
            row = Stored(resource, stamped, self.revision)
            key = key_of(stamped)
            shelf = self.shelf(resource)
            shelf.write(key, Change(self.revision, shelf.rows.get(key), row))
            self.changed.notify_all()
            return row

    def remove(self, resource: Resource, key: Key) -> Stored:
        """Delete; those who watch see the object as it was last, with the revision of the deletion."""
        with self.lock:
            self.revision += 1
            shelf = self.shelf(resource)
            old = shelf.rows[key]
            shelf.write(key, Change(self.revision, old, None))
            self.changed.notify_all()
            return old

    def changes(self, resource: Resource, since: int) -> list[Change]:
        """Writes after a revision. Raises 410 when some of them are forgotten."""
        with self.lock:
            shelf = self.shelf(resource)
            if since < shelf.oldest:
                raise expired_version(since, shelf.oldest)
            return self.changes_kept(resource, since)

    def changes_kept(self, resource: Resource, since: int) -> list[Change]:
        """Writes after a revision, as far as they are still known."""
        newer: list[Change] = []
        for change in reversed(self.shelf(resource).log):
            if change.revision <= since:
                break
            newer.append(change)
        newer.reverse()
        return newer

    def rows_at(self, resource: Resource, revision: int) -> dict[Key, Stored]:
        """All objects of a kind as they were after a revision: the log is undone. Raises 410 when it is too short."""
        with self.lock:
            rows = dict(self.shelf(resource).rows)
            for change in reversed(self.changes(resource, revision)):
                known = change.new or change.old
                assert known is not None
                if change.old is None:
                    del rows[key_of(known.value)]
                else:
                    rows[key_of(known.value)] = change.old
            return rows

    def forget_history(self) -> None:
        """Compaction and a restart: no older revision can be watched from any more."""
        with self.lock:
            self._oldest = self.revision
            for shelf in self._shelves.values():
                shelf.log.clear()
                shelf.oldest = self._oldest

    def wake(self) -> None:
        """Let all who wait look again."""
        with self.lock:
            self.changed.notify_all()


def key_of(value: Object) -> Key:
    metadata = value["metadata"]
    return metadata.get("namespace", ""), metadata["name"]
