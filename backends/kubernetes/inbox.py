"""Where the threads that read leave what they read, and where the picture takes it: only the newest of each object.

Two thousand changes a second of the same objects are, once a second, one change of each.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, NamedTuple

Objects = dict[str, Any]
"""By key, `namespace/name` or `name`; None is an object that is gone."""


class Delivery(NamedTuple):
    """News of one resource: whole listings by namespace ("" is all of them), then changes."""

    listings: dict[str, Objects]
    changes: Objects


class Inbox:
    """Safe to use from several threads; `on_listing` is called in the thread that brings one."""

    def __init__(self, on_listing: Callable[[], None] = lambda: None) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, Delivery] = {}
        self._on_listing = on_listing

    def listed(self, resource: str, namespace: str, objects: Objects) -> None:
        """All objects of a resource in a namespace; what is not among them is gone."""
        with self._lock:
            old = self._waiting.get(resource, Delivery({}, {}))
            prefix = f"{namespace}/" if namespace else ""
            kept = {key: one for key, one in old.changes.items() if not key.startswith(prefix)}
            self._waiting[resource] = Delivery({**old.listings, namespace: objects}, kept)
        self._on_listing()

    def changed(self, resource: str, objects: Objects) -> None:
        """Objects as they are now, after the listing that came last."""
        with self._lock:
            delivery = self._waiting.setdefault(resource, Delivery({}, {}))
            delivery.changes.update(objects)

    def take(self) -> dict[str, Delivery]:
        """What has come since the last time, by resource."""
        with self._lock:
            taken, self._waiting = self._waiting, {}
        return taken


def merge(delivery: Delivery, known: set[str]) -> Objects:
    """One set of changes that leads from the known keys to what was delivered."""
    changes: Objects = {}
    for namespace, objects in delivery.listings.items():
        prefix = f"{namespace}/" if namespace else ""
        changes.update(dict.fromkeys(key for key in known - objects.keys() if key.startswith(prefix)))
        changes.update(objects)
    changes.update(delivery.changes)
    return changes
