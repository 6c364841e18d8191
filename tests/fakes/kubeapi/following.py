"""What happened to objects of a kind since the last look, for those parts of the cluster that react to it."""

from __future__ import annotations

from typing import Any, Protocol

from .resources import Resource
from .selectors import labels_of
from .store import Change, Store


class Following:
    """After history was forgotten, all objects count as new once."""

    def __init__(self, store: Store, resource: Resource) -> None:
        self._store, self._resource = store, resource
        self._seen = -1

    def news(self) -> list[Change]:
        """In order; all objects at the first look."""
        with self._store.lock:
            shelf = self._store.shelf(self._resource)
            if self._seen < shelf.oldest:
                changes = [Change(row.revision, None, row) for row in shelf.rows.values()]
            else:
                changes = self._store.changes_kept(self._resource, self._seen)
            self._seen = self._store.revision
            return changes


def is_of_weight(change: Change) -> bool:
    """Whether a pod came, went, or changed in what others of the cluster react to; a heartbeat is none of that."""
    if change.old is None or change.new is None:
        return True
    return change.old.value["spec"] != change.new.value["spec"] or _life(change.old.value) != _life(change.new.value)


def _life(pod: dict[str, Any]) -> tuple[object, ...]:
    status = pod.get("status") or {}
    ready = [one["status"] for one in status.get("conditions") or [] if one["type"] == "Ready"]
    metadata = pod["metadata"]
    return (
        status.get("phase"),
        ready,
        metadata.get("deletionTimestamp"),
        labels_of(pod),
        metadata.get("ownerReferences"),
    )


class Controller(Protocol):
    """A part of the cluster that brings objects to where they should be."""

    def step(self, now: float) -> float | None:
        """Do what is to be done; returns when to look again even if nothing happens (seconds, time.monotonic)."""
