"""Which pods belong to which owner, kept as pods come and go."""

from __future__ import annotations

from typing import Any

from .resources import PODS
from .store import Change, Key, Store, Stored, key_of

Object = dict[str, Any]


class OwnedPods:
    """By uid of the controlling owner."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._keys: dict[str, set[Key]] = {}

    def take(self, change: Change) -> str:
        """Remember one change; returns the uid of the owner that it concerns, empty for none."""
        row = change.new or change.old
        assert row is not None
        owner = owner_of(row.value)
        if owner and change.new is not None:
            self._keys.setdefault(owner, set()).add(key_of(row.value))
        elif owner:
            self._keys.get(owner, set()).discard(key_of(row.value))
        return owner

    def of(self, owner: str) -> list[Stored]:
        """All pods of an owner."""
        rows = self._store.shelf(PODS).rows
        return [
            rows[key] for key in sorted(self._keys.get(owner, ())) if key in rows and owner_of(rows[key].value) == owner
        ]


def owner_of(pod: Object) -> str:
    """Uid of the controller of an object."""
    owners = pod["metadata"].get("ownerReferences") or []
    return next((str(owner["uid"]) for owner in owners if owner.get("controller")), "")
