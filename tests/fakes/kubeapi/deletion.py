"""Deletion: pods get a grace period and stay until their kubelet is done, finalizers hold, everything else is gone."""

from __future__ import annotations

import time
from typing import Any

from .listing import selection
from .requests import Reply, Request
from .resources import NAMESPACES, PODS, SERVICE_ACCOUNTS, Resource
from .status import conflict, details_of, not_found, success
from .store import Store, Stored, encode, key_of
from .strategies import seconds_of, timestamp
from .versions import alone, in_list

Object = dict[str, Any]

ENDED = ("Succeeded", "Failed")


def delete(store: Store, resource: Resource, request: Request) -> Reply:
    """DELETE of one object, with DeleteOptions in the body or the query."""
    options = delete_options(request)
    place = request.place
    with store.lock:
        row = store.get(resource, (place.namespace if resource.namespaced else "", place.name))
        if row is None:
            raise not_found(resource.group, resource.plural, place.name)
        last = delete_row(store, row, options)
    if resource in (PODS, SERVICE_ACCOUNTS) or last.value["metadata"].get("deletionTimestamp"):
        return Reply(body=alone(last, place.version) + b"\n")
    details = details_of(resource.group, resource.plural, place.name) | {"uid": last.value["metadata"]["uid"]}
    return Reply.of(success(details))


def delete_all(store: Store, resource: Resource, request: Request) -> Reply:
    """DELETE of a collection: what the selectors choose."""
    options, wanted = delete_options(request), selection(request, resource)
    namespace = request.place.namespace
    with store.lock:
        rows = [row for key, row in store.shelf(resource).rows.items() if not namespace or key[0] == namespace]
        chosen = [row for row in rows if wanted is None or wanted(row.value)]
        gone = [delete_row(store, row, options) for row in chosen]
        metadata = {"resourceVersion": str(store.revision)}
    version = request.place.version
    head = {"kind": f"{resource.kind}List", "apiVersion": resource.api_version_at(version), "metadata": metadata}
    items = b",".join(in_list(row, version) for row in gone)
    return Reply(body=encode(head)[:-1] + b',"items":[' + items + b"]}\n")


def delete_options(request: Request) -> Object:
    """The body, and what the query says of it."""
    options = dict(request.json() or {})
    if grace := request.option("gracePeriodSeconds"):
        options["gracePeriodSeconds"] = int(grace)
    if policy := request.option("propagationPolicy"):
        options["propagationPolicy"] = policy
    if request.is_dry_run:
        options["dryRun"] = ["All"]
    return options


def delete_row(store: Store, row: Stored, options: Object) -> Stored:
    """Begin or finish the deletion of one object; returns it as it is then, or as it was last."""
    resource, metadata = row.resource, row.value["metadata"]
    check_preconditions(row, options.get("preconditions") or {})
    is_dry = "All" in (options.get("dryRun") or [])
    grace = _grace_seconds(row.value, options) if resource == PODS else 0
    if grace:
        pending = metadata.get("deletionGracePeriodSeconds")
        if pending is not None and grace >= pending:
            return row
        began = seconds_of(metadata["deletionTimestamp"]) - pending if pending else time.time()
        return _marked(store, row, began + grace, grace, is_dry)
    if metadata.get("finalizers") or resource == NAMESPACES:
        return row if metadata.get("deletionTimestamp") else _marked(store, row, time.time(), 0, is_dry)
    return row if is_dry else store.remove(resource, key_of(row.value))


def finish_if_free(store: Store, row: Stored) -> None:
    """An object that waited for its finalizers only is gone when the last of them is taken away."""
    metadata = row.value["metadata"]
    if not metadata.get("deletionTimestamp") or metadata.get("finalizers") or row.resource == NAMESPACES:
        return
    if not metadata.get("deletionGracePeriodSeconds"):
        store.remove(row.resource, key_of(row.value))


def _marked(store: Store, row: Stored, when: float, grace: int, is_dry: bool) -> Stored:
    metadata = {**row.value["metadata"], "deletionTimestamp": timestamp(when), "deletionGracePeriodSeconds": grace}
    if "generation" in metadata:
        metadata["generation"] += 1
    value = {**row.value, "metadata": metadata}
    if row.resource == NAMESPACES:
        value["status"] = {**(value.get("status") or {}), "phase": "Terminating"}
    return Stored(row.resource, value, row.revision) if is_dry else store.put(row.resource, value)


def _grace_seconds(pod: Object, options: Object) -> int:
    """A pod that runs nowhere, or no longer, needs none."""
    if not pod["spec"].get("nodeName") or (pod.get("status") or {}).get("phase") in ENDED:
        return 0
    asked = options.get("gracePeriodSeconds")
    if asked is None:
        pending = pod["metadata"].get("deletionGracePeriodSeconds")
        return int(pod["spec"].get("terminationGracePeriodSeconds", 30) if pending is None else pending)
    return 1 if asked < 0 else int(asked)


def check_preconditions(row: Stored, preconditions: Object) -> None:
    """Raises a conflict when the object is not the one, or not the version, that was meant."""
    metadata, resource = row.value["metadata"], row.resource
    named = (
        ("uid", "UID", "The object might have been deleted and then recreated"),
        ("resourceVersion", "ResourceVersion", "The object might have been modified"),
    )
    for key, what, meaning in named:
        asked = preconditions.get(key)
        if asked is not None and asked != metadata[key]:
            why = f"the {what} in the precondition ({asked}) does not match the {what} in record ({metadata[key]})"
            raise conflict(resource.group, resource.kind, metadata["name"], f"{why}. {meaning}")
