"""Keeps one resource of one namespace up to date, in a thread of its own: list, then watch from there, for ever.

A watch can go dead without a word: a frozen server, a proxy that forgot the connection, a version from the future after
a restore all look like a quiet cluster. So every watch ends after a while by the server's own timer, shortly before
which the server sends a bookmark; one that brings neither is not believed.
"""

from __future__ import annotations

import random
import threading
import time

import msgspec

from crashcart.backends.errors import BackendError, Denied, Malformed, Unsupported

from .client import KubernetesClient
from .failures import Expired, NoAnswer, failure
from .health import Health
from .inbox import Inbox, Objects
from .ledger import Ledger
from .line_stream import LineStream
from .listing import decoded, key_of, list_all
from .resources import Resource
from .watch_events import Refusal, event, is_change, version_of

WATCH_SECONDS = 45.0
"""The server ends a watch after this long."""

BOOKMARK_SECONDS = 2.0
"""So long before the end it sends a bookmark (seen: at 128.2 s of 130)."""

GRACE_SECONDS = 12.0
"""How much later than that a silent watch is given up."""

FORBIDDEN_SECONDS = 60.0
ABSENT_SECONDS = 300.0
"""Permissions are granted, and CRDs installed, by people: look again, but seldom."""

_SHORTEST_WATCH = 1.0
_BETWEEN_LISTINGS = 2.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 5.0


class Reader(threading.Thread):
    """One resource in one namespace ("" for all)."""

    def __init__(
        self,
        client: KubernetesClient,
        resource: Resource,
        namespace: str,
        *,
        inbox: Inbox,
        health: Health,
        ledger: Ledger,
        stop: threading.Event,
    ) -> None:
        super().__init__(name=f"kubernetes {resource.name}", daemon=True)
        self._client = client
        self._resource = resource
        self._namespace = namespace
        self._inbox = inbox
        self._health = health
        self._ledger = ledger
        self._stop_asked = stop
        self._version: str | None = None  # to watch from; None: list first
        self._listed_at = -_BETWEEN_LISTINGS
        self._is_silent = True
        self._failures = 0
        self._chance = random.Random()  # noqa: S311 - jitter, not a secret
        health.expect(resource.name, namespace)

    def run(self) -> None:
        """Read until asked to stop."""
        path = ""
        while not self._stop_asked.is_set():
            try:
                path = path or self._resource.path(self._namespace, self._served_version())
                self._read(path)
                self._failures = 0
            except Expired:
                self._version = None
                self._pause(self._listed_at + _BETWEEN_LISTINGS - time.monotonic())
            except Unsupported as error:
                path, self._version = "", None
                self._is_refused(error)
            except BackendError as error:
                self._fails(error)

    def _read(self, path: str) -> None:
        if self._version is None:
            listing = list_all(self._client, self._resource, path, self._ledger)
            self._inbox.listed(self._resource.name, self._namespace, listing.objects)
            self._version = listing.version
            self._listed_at = time.monotonic()
            self._health.reads(self._resource.name, self._namespace)
        self._watch(path)

    def _watch(self, path: str) -> None:
        """Follow one stream to its end. Raises Expired where everything must be listed anew."""
        seconds = WATCH_SECONDS * self._chance.uniform(0.8, 1.2)
        query = [
            ("watch", "1"),
            ("allowWatchBookmarks", "true"),
            ("resourceVersion", self._version or ""),
            ("timeoutSeconds", str(int(seconds))),
        ]
        if self._resource.fields:
            query.append(("fieldSelector", self._resource.fields))
        started = time.monotonic()
        stream = self._client.stream(path, query=query, read_seconds=seconds + GRACE_SECONDS, what=self._resource.name)
        self._health.reads(self._resource.name, self._namespace)
        self._is_silent = True
        try:
            self._follow(stream)
        except NoAnswer:
            if not self._is_silent or time.monotonic() - started < seconds:
                raise
        if self._stop_asked.is_set():
            return
        lasted = time.monotonic() - started
        if self._is_silent and lasted > seconds - BOOKMARK_SECONDS:
            raise Expired(f"{self._resource.name}: the watch brought nothing, not even a bookmark")
        self._pause(_SHORTEST_WATCH - lasted)

    def _follow(self, stream: LineStream) -> None:
        """Take events in until the stream ends."""
        for lines in stream.bursts():
            self._is_silent = False
            changes: Objects = {}
            try:
                for line in lines:
                    self._take(line, changes)
            finally:  # what came before an error has moved the version on and would not come again
                if changes:
                    self._inbox.changed(self._resource.name, changes)
            self._ledger.streamed(f"watch {self._resource.name}", len(lines), sum(map(len, lines)))

    def _take(self, line: bytes, changes: Objects) -> None:
        told = event(line, self._resource.shape, self._resource.name)
        if isinstance(told, Refusal):
            access = self._client.access
            raise failure(told.code, told.body, what=self._resource.name, where=access.where, who=access.who)
        type_, thing = told
        if is_change(type_):
            changes[key_of(thing)] = None if type_ == "DELETED" else thing
        self._version = version_of(thing) or self._version

    def _served_version(self) -> str:
        """The version in which a group is served that not everybody has. Raises Unsupported where it is not there."""
        if not self._resource.is_optional:
            return self._resource.version
        reply = self._client.get(f"/apis/{self._resource.group}", what=self._resource.name)
        group = decoded(_group, reply.body, self._resource.name, self._client)
        return str(group.preferred_version.version or self._resource.version)

    def _is_refused(self, error: BackendError) -> None:
        if self._resource.is_optional:
            self._health.is_absent(self._resource.name, self._namespace)
        else:
            self._health.fails(self._resource.name, self._namespace, error)
        self._pause(ABSENT_SECONDS)

    def _fails(self, error: BackendError) -> None:
        if self._stop_asked.is_set():
            return
        self._failures += 1
        if isinstance(error, Malformed):
            self._version = None
        if type(error) is Denied and self._resource.is_namespaced and not self._namespace:
            error = Denied(f"{error}; set namespaces if you may list those of some only")
        self._health.fails(self._resource.name, self._namespace, error)
        self._pause(FORBIDDEN_SECONDS if isinstance(error, Denied) else self._backoff())

    def _backoff(self) -> float:
        return min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(self._failures, 6)) * self._chance.uniform(0.7, 1.3)

    def _pause(self, seconds: float) -> None:
        self._stop_asked.wait(max(0.0, seconds))


class _Version(msgspec.Struct):
    version: str = ""


class _Group(msgspec.Struct, rename="camel"):
    preferred_version: _Version = msgspec.field(default_factory=_Version)


_group = msgspec.json.Decoder(_Group)
