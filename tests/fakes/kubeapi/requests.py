"""A request with its path taken apart, and the answers that it can get."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from .access import Attributes
from .status import Refusal, bad_request, unsupported_media
from .store import encode
from .users import User

Object = dict[str, Any]

VERBS = {"GET": "get", "HEAD": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
JSON = "application/json"
PROTOBUF = "application/vnd.kubernetes.protobuf"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a path leads: a group and version, and in it a kind, an object, and a part of it. All may be empty."""

    group: str = ""
    version: str = ""
    resource: str = ""
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    @classmethod
    def of(cls, path: str) -> Place:
        """`/apis/batch/v1/namespaces/train/jobs/ft/status`; what is no resource gives an empty Place."""
        parts = [part for part in path.split("/") if part]
        if parts[:1] == ["api"] and len(parts) > 1:
            group, version, rest = "", parts[1], parts[2:]
        elif parts[:1] == ["apis"] and len(parts) > 2:
            group, version, rest = parts[1], parts[2], parts[3:]
        else:
            return cls()
        namespace = ""
        if rest[:1] == ["namespaces"] and len(rest) > 1:
            namespace = rest[1]
            if len(rest) > 2 and rest[2] not in ("status", "finalize"):
                rest = rest[2:]
        resource, name, subresource = [*rest, "", "", ""][:3]
        return cls(group, version, resource, namespace, name, subresource)


@dataclass(frozen=True)
class Request:
    """One request of a user who is known."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]  # by lower-case name
    raw: bytes
    user: User
    place: Place

    def option(self, name: str) -> str:
        """First value of a query parameter."""
        return (self.query.get(name) or [""])[0]

    def is_on(self, name: str) -> bool:
        return self.option(name).lower() in ("true", "1")

    @property
    def is_watch(self) -> bool:
        return self.method == "GET" and not self.place.name and self.is_on("watch")

    @property
    def is_dry_run(self) -> bool:
        return "All" in self.query.get("dryRun", [])

    @property
    def is_upgrade(self) -> bool:
        return self.headers.get("upgrade", "").lower() == "websocket"

    @property
    def verb(self) -> str:
        """In the terms of RBAC."""
        verb = VERBS.get(self.method, self.method.lower())
        if self.place.name:
            return verb
        if verb == "get":
            return "watch" if self.is_watch else "list"
        return "deletecollection" if verb == "delete" else verb

    @property
    def attributes(self) -> Attributes:
        place = self.place
        if not place.resource:
            return Attributes(VERBS.get(self.method, "get"), path=self.path)
        return Attributes(
            self.verb, place.group, place.resource, place.subresource, place.namespace, self._field_name or place.name
        )

    @property
    def _field_name(self) -> str:
        """A list of one object by `metadata.name=` is authorized as this object."""
        selector = self.option("fieldSelector")
        return selector.removeprefix("metadata.name=") if selector.startswith("metadata.name=") else ""

    def json(self) -> Any:
        """The body; an empty one is an empty object. The real server reads protobuf too, this one does not."""
        if self.headers.get("content-type", JSON).startswith(PROTOBUF):
            raise unsupported_media([JSON])
        if not self.raw:
            return {}
        try:
            return json.loads(self.raw)
        except ValueError as error:
            raise bad_request(f"error decoding body: {error}") from error


class Socket(Protocol):
    """A connection that is no longer HTTP."""

    def send(self, data: bytes) -> None:
        """All of it."""

    def receive(self, size: int) -> bytes:
        """At most `size`; empty at the end."""


@dataclass
class Reply:
    """Code, headers, and a body: at once, piece by piece as it comes to be, or a talk on the socket itself."""

    code: int = 200
    body: bytes = b""
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    stream: Iterator[bytes] | None = None
    talk: Callable[[Socket], None] | None = None

    @classmethod
    def of(cls, value: Any, code: int = 200) -> Reply:
        return cls(code, encode(value) + b"\n")

    @classmethod
    def refusing(cls, refusal: Refusal) -> Reply:
        if refusal.text is not None:
            return cls(refusal.code, refusal.text.encode(), "text/plain; charset=utf-8", refusal.headers)
        return cls(refusal.code, encode(refusal.body()) + b"\n", JSON, refusal.headers)
