"""In which version the API serves a group that somebody may have installed, or not."""

from __future__ import annotations

import time

import msgspec

from crashcart.backends.errors import Unsupported

from .asking import Asking, decoded

_BUILT_IN = {"": "v1", "batch": "v1", "apps": "v1", "policy": "v1"}
_TRUSTED_SECONDS = 60.0


class Version(msgspec.Struct):
    version: str = ""


class Group(msgspec.Struct, rename="camel"):
    preferred_version: Version = msgspec.field(default_factory=Version)


class Served:
    """Remembers for a minute what it was told."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._known: dict[str, tuple[float, str | None]] = {}

    async def version(self, group: str) -> str | None:
        """The preferred version; None when the group is not there. Raises Unreachable, Denied, Malformed."""
        if group in _BUILT_IN:
            return _BUILT_IN[group]
        told, version = self._known.get(group, (0.0, None))
        if told and time.monotonic() - told < _TRUSTED_SECONDS:
            return version
        version = await self._ask(group)
        self._known[group] = (time.monotonic(), version)
        return version

    async def path(self, group: str, resource: str, namespace: str = "") -> str:
        """Where a resource is listed. Raises Unsupported where the group is not there, and like `version`."""
        version = await self.version(group)
        if version is None:
            raise Unsupported(f"this cluster has no {resource}.{group}")
        base = f"/apis/{group}/{version}" if group else f"/api/{version}"
        return f"{base}/namespaces/{namespace}/{resource}" if namespace else f"{base}/{resource}"

    async def _ask(self, group: str) -> str | None:
        try:
            reply = await self._asking.get(f"/apis/{group}", what=group)
        except Unsupported:
            return None
        return decoded(Group, reply.body, group).preferred_version.version or None
