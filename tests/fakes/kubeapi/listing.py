"""Lists: selectors, pages that stay those of the first page's moment, and lists of an exact past moment."""

from __future__ import annotations

import base64
import binascii
import json
import posixpath

from .requests import Reply, Request
from .resources import Resource
from .selectors import Test, both, field_test, label_test
from .status import Refusal, bad_request, expired_continue, invalid, too_large_version
from .store import Key, Store, Stored, encode
from .versions import in_list


def selection(request: Request, resource: Resource) -> Test | None:
    """Which objects a list or a watch is about; None for all of the kind and namespace."""
    return both(label_test(request.option("labelSelector")), field_test(resource, request.option("fieldSelector")))


def list_objects(store: Store, request: Request, resource: Resource) -> Reply:
    """One page, or all. Encoded objects are joined, not encoded again."""
    _check_options(request)
    wanted = selection(request, resource)
    with store.lock:
        revision, start, rows = _rows(store, request, resource)
    namespace = request.place.namespace
    found = [
        (key, rows[key])
        for key in _keys(store, resource, rows)
        if (not namespace or key[0] == namespace)
        and (not start or "/".join(key) >= start)
        and (wanted is None or wanted(rows[key].value))
    ]
    limit = _number(request, "limit")
    page, rest = (found[:limit], found[limit:]) if limit and revision is not None else (found, [])
    return _page(request, resource, store.revision if revision is None else revision, page, rest, wanted is not None)


def _page(
    request: Request,
    resource: Resource,
    revision: int,
    page: list[tuple[Key, Stored]],
    rest: list[tuple[Key, Stored]],
    is_selected: bool,
) -> Reply:
    metadata: dict[str, object] = {"resourceVersion": str(revision)}
    if rest:
        metadata["continue"] = _token(revision, rest[0][0])
        if not is_selected:
            metadata["remainingItemCount"] = len(rest)
    version = request.place.version
    head = {"kind": f"{resource.kind}List", "apiVersion": resource.api_version_at(version), "metadata": metadata}
    items = b",".join(in_list(row, version) for _, row in page)
    return Reply(body=encode(head)[:-1] + b',"items":[' + items + b"]}\n")


def _rows(store: Store, request: Request, resource: Resource) -> tuple[int | None, str, dict[Key, Stored]]:
    """Revision of the answer, first key and the objects. No revision: `resourceVersion=0` is served unpaged."""
    if token := request.option("continue"):
        revision, start = _decoded(token)
        try:
            return revision, start, store.rows_at(resource, revision)
        except Refusal as error:
            raise expired_continue() from error
    asked = _number(request, "resourceVersion")
    if asked > store.revision:
        raise too_large_version(asked, store.revision)
    if request.option("resourceVersionMatch") == "Exact":
        return asked, "", store.rows_at(resource, asked)
    rows = dict(store.shelf(resource).rows)
    return (None if request.option("resourceVersion") == "0" else store.revision), "", rows


def _keys(store: Store, resource: Resource, rows: dict[Key, Stored]) -> list[Key]:
    with store.lock:
        keys = store.shelf(resource).sorted_keys()
        return keys if len(keys) == len(rows) and rows.keys() == set(keys) else sorted(rows, key="/".join)


def _token(revision: int, start: Key) -> str:
    key = "/".join(part for part in start if part)
    token = json.dumps({"v": "meta.k8s.io/v1", "rv": revision, "start": key}, separators=(",", ":"))
    return base64.urlsafe_b64encode(token.encode()).rstrip(b"=").decode()


def _decoded(token: str) -> tuple[int, str]:
    """Revision and first key of a continue token; any other text is refused as the server refuses it."""
    try:
        parts = json.loads(base64.b64decode(token + "=" * (-len(token) % 4), b"-_", validate=True))
        version, revision, start = parts["v"], int(parts["rv"]), str(parts["start"])
    except (binascii.Error, ValueError, KeyError, TypeError) as error:
        raise bad_request(f"invalid continue token: continue key is not valid: {error}") from error
    if version != "meta.k8s.io/v1" or not start or posixpath.normpath(start) != start:
        raise bad_request("invalid continue token: continue key is not valid")
    return revision, start if "/" in start else f"/{start}"


def _number(request: Request, name: str) -> int:
    text = request.option(name)
    if not text:
        return 0
    if not text.isdecimal():
        raise bad_request(f'{name}: Invalid value: "{text}": must be a number')
    return int(text)


def _check_options(request: Request) -> None:
    match, faults = request.option("resourceVersionMatch"), []
    if match and not request.option("resourceVersion"):
        said = "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided"
        faults.append(("resourceVersionMatch", "FieldValueForbidden", said))
    if match and request.option("continue"):
        said = "Forbidden: resourceVersionMatch is forbidden when continue is provided"
        faults.append(("resourceVersionMatch", "FieldValueForbidden", said))
    if request.is_on("sendInitialEvents"):
        said = "Forbidden: sendInitialEvents is forbidden for list"
        faults.append(("sendInitialEvents", "FieldValueForbidden", said))
    if faults:
        raise invalid("meta.k8s.io", "ListOptions", "", faults)
