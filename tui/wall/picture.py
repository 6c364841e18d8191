"""The wall's store: only the clusters that were asked for, and nothing that is masked, ever gets in."""

from __future__ import annotations

from msgspec.structs import replace

from crashcart.backends import wire
from crashcart.ops.store import Store

from .masks import Masks


class WallStore(Store):
    """`clusters` () are all."""

    def __init__(self, clusters: tuple[str, ...], masks: Masks) -> None:
        super().__init__()
        self._chosen = frozenset(clusters)
        self._masks = masks

    def apply(self, message: wire.Message) -> frozenset[str]:
        """Take one message in; return the kinds whose picture really changed."""
        cluster = getattr(message, "cluster", None)
        if self._chosen and cluster is not None and cluster not in self._chosen:
            return frozenset()
        if self._masks and isinstance(message, wire.Slice):
            message = self._masked(message)
        return super().apply(message)

    def _masked(self, part: wire.Slice) -> wire.Slice:
        upserts = tuple(self._masks.entity(entity) for entity in part.upserts)
        gone = tuple(self._masks.key(key) for key in part.gone) if part.kind == "job" else part.gone
        return replace(part, upserts=upserts, gone=gone)
