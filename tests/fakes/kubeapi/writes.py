"""Create, update, patch: checked against names, resourceVersions and kinds; with `dryRun=All` nothing is stored."""

from __future__ import annotations

from typing import Any

from .deletion import finish_if_free
from .patching import patched
from .requests import Reply, Request
from .resources import NAMESPACES, PODS, SERVICE_ACCOUNTS, Resource
from .status import already_exists, bad_request, conflict, forbidden, invalid, not_found
from .store import Store, Stored
from .strategies import changed, created, without_nothing
from .versions import alone, shown_at, stored_from

Object = dict[str, Any]


def found(store: Store, resource: Resource, request: Request) -> Stored:
    """The object that a path names."""
    place = request.place
    row = store.get(resource, (place.namespace if resource.namespaced else "", place.name))
    if row is None:
        raise not_found(resource.group, resource.plural, place.name)
    return row


def create(store: Store, resource: Resource, request: Request) -> Reply:
    value = _sent(resource, request, request.json())
    namespace = request.place.namespace
    metadata = value.get("metadata") or {}
    if resource.namespaced:
        if metadata.get("namespace", namespace) != namespace:
            raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
        metadata = {**metadata, "namespace": namespace}
    if not metadata.get("name") and not metadata.get("generateName"):
        said = "Required value: name or generateName is required"
        raise invalid(resource.group, resource.kind, "", [("metadata.name", "FieldValueRequired", said)])
    with store.lock:
        value = created(resource, {**value, "metadata": metadata})
        name = value["metadata"]["name"]
        if resource.namespaced:
            _check_namespace(store, resource, namespace, name)
        if store.get(resource, (namespace if resource.namespaced else "", name)):
            raise already_exists(resource.group, resource.plural, name)
        if resource == PODS:
            _check_service_account(store, value)
        row = Stored(resource, value, 0) if request.is_dry_run else store.put(resource, value)
    return Reply(201, alone(row, request.place.version) + b"\n")


def read(store: Store, resource: Resource, request: Request) -> Reply:
    return Reply(body=alone(found(store, resource, request), request.place.version) + b"\n")


def update(store: Store, resource: Resource, request: Request) -> Reply:
    """PUT: the whole object; a resourceVersion in it must be the present one."""
    value = request.json()
    if (value.get("metadata") or {}).get("name") != request.place.name:
        raise bad_request("the name of the object does not match the name on the URL")
    with store.lock:
        return _replace(store, resource, request, found(store, resource, request), value)


def patch(store: Store, resource: Resource, request: Request) -> Reply:
    """The patch is applied to the object as the asked version shows it."""
    with store.lock:
        row = found(store, resource, request)
        version = request.place.version
        shown = {**shown_at(row.value, resource, version), "kind": resource.kind}
        value = patched(shown, request.json(), request.headers.get("content-type", ""), resource.is_custom)
        if value["metadata"].get("uid") != row.value["metadata"]["uid"]:
            said = "Precondition failed: UID in precondition: {}, UID in object meta: {}"
            uids = value["metadata"].get("uid"), row.value["metadata"]["uid"]
            raise conflict(resource.group, resource.plural, request.place.name, said.format(*uids))
        return _replace(store, resource, request, row, value)


def _replace(store: Store, resource: Resource, request: Request, row: Stored, value: Object) -> Reply:
    version = request.place.version
    asked = value["metadata"].get("resourceVersion")
    if asked and asked != row.value["metadata"]["resourceVersion"]:
        raise conflict(resource.group, resource.plural, request.place.name)
    kept = _sent(resource, request, value)
    new = without_nothing(changed(resource, row.value, kept, request.place.subresource))
    if new == row.value or request.is_dry_run:
        return Reply(body=alone(Stored(resource, new, row.revision), version) + b"\n")
    row = store.put(resource, new)
    finish_if_free(store, row)
    return Reply(body=alone(row, version) + b"\n")


def _sent(resource: Resource, request: Request, value: Any) -> Object:
    """An object of the body as it is stored; what it calls itself must fit to the address."""
    if not isinstance(value, dict):
        raise bad_request("couldn't get version/kind; json parse error")
    shown = resource.api_version_at(request.place.version)
    if value.get("kind", resource.kind) != resource.kind or value.get("apiVersion", shown) != shown:
        said = f"{value.get('apiVersion')}, Kind={value.get('kind')}"
        raise bad_request(f"the object provided is unrecognized (must be of type {resource.kind}): {said}")
    return stored_from(value, resource, request.place.version)


def _check_namespace(store: Store, resource: Resource, namespace: str, name: str) -> None:
    known = store.get(NAMESPACES, ("", namespace))
    if known is None:
        raise not_found("", "namespaces", namespace)
    if known.value["metadata"].get("deletionTimestamp"):
        why = f"unable to create new content in namespace {namespace} because it is being terminated"
        raise forbidden(resource.group, resource.plural, name, why)


def _check_service_account(store: Store, pod: Object) -> None:
    namespace, account = pod["metadata"]["namespace"], pod["spec"]["serviceAccountName"]
    if store.get(SERVICE_ACCOUNTS, (namespace, account)) is None:
        missing = f'serviceaccount "{account}" not found'
        why = f"error looking up service account {namespace}/{account}: {missing}"
        raise forbidden("", "pods", pod["metadata"]["name"], why)
