"""What every listed thing is: of a kind, in a cluster, said by a source, true at a time."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

Kind = Literal["node", "job", "queue", "alert", "silence", "target", "check", "pod", "budget", "event"]


class Entity(msgspec.Struct, frozen=True, array_like=True, gc=False, kw_only=True):
    """Base of what is listed: `key` is its identity over all clusters and refreshes."""

    kind: ClassVar[Kind]
    cluster: str
    source: str
    when: float  # when this value was first seen as it is; a later listing that confirms it does not send it again

    @property
    def key(self) -> str:
        """Identity, `cluster/name` or `cluster/id`."""
        raise TypeError(f"{type(self).__name__} has no key")
