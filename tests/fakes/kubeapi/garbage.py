"""Namespaces get their service account and take all they hold with them; objects go when their owner is gone."""

from __future__ import annotations

from typing import Any

from .deletion import delete_row
from .following import Following
from .resources import ALL, NAMESPACES, SERVICE_ACCOUNTS, WORKLOADS, Resource
from .store import Key, Store
from .strategies import created

Object = dict[str, Any]


class Garbage:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._followed: dict[Resource, Following] = {resource: Following(store, resource) for resource in ALL}
        self._namespaces_ending: set[str] = set()

    def step(self, now: float) -> float | None:
        """Look at what was deleted, and at namespaces."""
        gone: set[str] = set()
        for resource, following in self._followed.items():
            for change in following.news():
                if change.new is None and change.old is not None:
                    gone.add(change.old.value["metadata"]["uid"])
                elif resource == NAMESPACES and change.new is not None:
                    self._tend(change.new.value)
        if gone:
            self._collect(gone)
        for name in list(self._namespaces_ending):
            self._empty(name)
        return now + 0.05 if self._namespaces_ending else None

    def _tend(self, namespace: Object) -> None:
        name = namespace["metadata"]["name"]
        if namespace["metadata"].get("deletionTimestamp"):
            self._namespaces_ending.add(name)
            return
        with self._store.lock:
            if self._store.get(SERVICE_ACCOUNTS, (name, "default")) is None:
                account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
                account["metadata"]["namespace"] = name  # type: ignore[index]
                self._store.put(SERVICE_ACCOUNTS, created(SERVICE_ACCOUNTS, account))

    def _collect(self, gone: set[str]) -> None:
        """Delete what has no owner left."""
        with self._store.lock:
            for resource in ALL:
                for key, row in list(self._store.shelf(resource).rows.items()):
                    owners = row.value["metadata"].get("ownerReferences") or []
                    if owners and all(owner["uid"] in gone for owner in owners):
                        self._delete(resource, key)

    def _empty(self, namespace: str) -> None:
        with self._store.lock:
            left = False
            for resource in ALL:
                for key in [
                    key for key in self._store.shelf(resource).rows if resource.namespaced and key[0] == namespace
                ]:
                    left = True
                    self._delete(resource, key)
            if not left:
                self._namespaces_ending.discard(namespace)
                if self._store.get(NAMESPACES, ("", namespace)) is not None:
                    self._store.remove(NAMESPACES, ("", namespace))

    def _delete(self, resource: Resource, key: Key) -> None:
        row = self._store.get(resource, key)
        if row is None or row.value["metadata"].get("deletionTimestamp"):
            return
        if resource == WORKLOADS and row.value["metadata"].get("finalizers"):
            metadata = {part: value for part, value in row.value["metadata"].items() if part != "finalizers"}
            row = self._store.put(resource, {**row.value, "metadata": metadata})
        delete_row(self._store, row, {})
