"""What a field is: a name, how it compares, and how it is read from a thing in its scene."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec

from .joins import Joins
from .store import Store

FieldType = Literal["text", "number", "seconds", "bytes", "names", "flag"]
Value = str | float | int | bool | tuple[str, ...] | None


class GpuRow(msgspec.Struct, frozen=True):
    """One GPU as a thing to filter and list."""

    cluster: str
    host: str
    index: int

    @property
    def key(self) -> str:
        return f"{self.cluster}/{self.host}/{self.index}"


class Scene(msgspec.Struct, frozen=True):
    """What a field is read from besides the entity itself."""

    store: Store
    joins: Joins
    now: float


class Field(msgspec.Struct, frozen=True):
    """One field. Where `doubt` is among its names, others may be missing, and no name is known not to be there."""

    name: str
    type: FieldType
    read: Callable[[Scene, object], Value]
    doubt: str | None = None
