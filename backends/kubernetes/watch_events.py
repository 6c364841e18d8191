"""One line of a watch. What its object is depends on its type, so an object is decoded as what it mostly is at once."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from crashcart.backends.errors import Malformed
from crashcart.backends.text import clean

from .shapes import Meta, Shape

_CHANGES = frozenset({"ADDED", "MODIFIED", "DELETED"})


class Refusal(NamedTuple):
    """What the server ended the watch with: a code as of HTTP, and the Status."""

    code: int
    body: bytes


class _Error(Shape):
    type: str = ""
    object: msgspec.Raw = msgspec.Raw(b"{}")


class _Code(Shape):
    code: int = 0


_error = msgspec.json.Decoder(_Error)
_code = msgspec.json.Decoder(_Code)


@lru_cache(maxsize=64)
def decoder(shape: Any) -> msgspec.json.Decoder[Any]:
    """Decodes lines whose object has this shape."""
    fields: list[Any] = [("type", str, ""), ("object", shape, msgspec.field(default_factory=shape))]
    return msgspec.json.Decoder(msgspec.defstruct("WatchEvent", fields, bases=(Shape,), gc=False))


def event(line: bytes, shape: Any, what: str) -> tuple[str, Any] | Refusal:
    """Type and object; of a bookmark only the version tells anything. Raises Malformed."""
    try:
        told = decoder(shape).decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        refusal = _refusal(line)  # the parts of a Status have other shapes
        if refusal is None:
            raise Malformed(f"{what}: an event is not understood: {clean(str(error), limit=200)}") from error
        return refusal
    if told.type == "ERROR":
        return _refusal(line) or Refusal(0, line)
    return told.type, told.object


def is_change(type_: str) -> bool:
    """Whether an event of this type brings an object, rather than only its version."""
    return type_ in _CHANGES


def version_of(thing: Any) -> str:
    """The version from which a watch would go on after this event."""
    meta: Meta = thing.metadata
    return meta.resource_version


def _refusal(line: bytes) -> Refusal | None:
    try:
        told = _error.decode(line)
        return Refusal(_code.decode(told.object).code, bytes(told.object)) if told.type == "ERROR" else None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
