"""What every object carries: names, labels, and the bookkeeping that makes real objects as large as they are."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]


def metadata(
    name: str,
    namespace: str = "",
    *,
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
    owner: Object | None = None,
) -> Object:
    """Only what is said. `owner` is an object; it becomes the controller of this one."""
    made: Object = {"name": name}
    if namespace:
        made["namespace"] = namespace
    if labels:
        made["labels"] = labels
    if annotations:
        made["annotations"] = annotations
    if owner is not None:
        made["ownerReferences"] = [owner_reference(owner)]
    return made


def owner_reference(owner: Object) -> Object:
    """To an object that has a uid, or without one to something that tests do not make."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"].get("uid", "00000000-0000-0000-0000-000000000000"),
        "controller": True,
        "blockOwnerDeletion": True,
    }


def managed_fields(manager: str, fields: Object, when: str, subresource: str = "") -> list[Object]:
    """Who wrote which fields: a fifth of the size of a real pod."""
    entry = {"manager": manager, "operation": "Update", "apiVersion": "v1", "time": when, "fieldsType": "FieldsV1",
             "fieldsV1": fields}  # fmt: skip
    return [entry | ({"subresource": subresource} if subresource else {})]
