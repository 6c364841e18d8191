"""The three kinds of PATCH: JSON merge patch, strategic merge patch and JSON patch. Nothing is changed in place."""

from __future__ import annotations

import json
from typing import Any

from .status import Refusal, bad_request, unsupported_media

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
ACCEPTED = [JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH]

MERGE_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "volumes": "name",
    "env": "name",
    "ports": "containerPort",
    "volumeMounts": "mountPath",
    "conditions": "type",
    "addresses": "type",
    "ownerReferences": "uid",
    "imagePullSecrets": "name",
}
"""Lists that a strategic patch merges by a key; all other lists (taints, tolerations) are replaced as a whole."""
MERGED_SETS = ("finalizers",)


def patched(value: Any, patch: Any, content_type: str, is_custom: bool) -> Any:
    """The object after a patch in the format that the request names."""
    kind = content_type.partition(";")[0].strip()
    accepted = [known for known in ACCEPTED if not (is_custom and known == STRATEGIC_PATCH)]
    if kind not in accepted:
        raise unsupported_media(accepted)
    if kind == JSON_PATCH:
        return json_patched(value, patch)
    if not isinstance(patch, dict):
        raise bad_request("error decoding patch: json: cannot unmarshal into Go value of type map[string]interface {}")
    return merged(value, patch) if kind == MERGE_PATCH else strategically_merged(value, patch)


def merged(value: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    result = dict(value) if isinstance(value, dict) else {}
    for key, part in patch.items():
        if part is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), part)
    return result


def strategically_merged(value: Any, patch: dict[str, Any]) -> Any:
    if patch.get("$patch") == "replace":
        return {key: part for key, part in patch.items() if key != "$patch"}
    result = dict(value) if isinstance(value, dict) else {}
    for key, part in patch.items():
        if key.startswith("$deleteFromPrimitiveList/"):
            name = key.partition("/")[2]
            result[name] = [entry for entry in result.get(name) or [] if entry not in part]
        elif key.startswith("$"):
            continue
        elif part is None:
            result.pop(key, None)
        elif isinstance(part, dict):
            result[key] = strategically_merged(result.get(key), part)
        elif isinstance(part, list) and key in MERGED_SETS:
            known = result.get(key) or []
            result[key] = known + [entry for entry in part if entry not in known]
        elif isinstance(part, list) and key in MERGE_KEYS and _is_mergeable(part, MERGE_KEYS[key]):
            result[key] = _merged_list(result.get(key) or [], part, MERGE_KEYS[key])
        else:
            result[key] = part
    return result


def _is_mergeable(entries: list[Any], key: str) -> bool:
    return all(isinstance(entry, dict) and (key in entry or "$patch" in entry) for entry in entries)


def _merged_list(known: list[Any], changes: list[Any], key: str) -> list[Any]:
    if any(change.get("$patch") == "replace" for change in changes):
        return [change for change in changes if "$patch" not in change]
    result = list(known)
    for change in changes:
        at = next((index for index, entry in enumerate(result) if entry.get(key) == change.get(key)), None)
        if change.get("$patch") == "delete":
            result = [entry for entry in result if entry.get(key) != change.get(key)]
        elif at is None:
            result.append(change)
        else:
            result[at] = strategically_merged(result[at], change)
    return result


def json_patched(value: Any, steps: Any) -> Any:
    """RFC 6902, without `move` and `copy`."""
    if not isinstance(steps, list):
        raise bad_request("json: cannot unmarshal object into Go value of type jsonpatch.Patch")
    result = json.loads(json.dumps(value))
    for step in steps:
        _apply(result, step)
    return result


def _apply(document: Any, step: dict[str, Any]) -> None:
    path = [part.replace("~1", "/").replace("~0", "~") for part in step["path"].split("/")[1:]]
    parent = document
    for part in path[:-1]:
        parent = _child(parent, part, step)
    name, verb = path[-1], step["op"]
    if verb == "test":
        if _child(parent, name, step) != step.get("value"):
            raise Refusal(
                422, f"the server rejected our request due to an error in our request: testing {step['path']}"
            )
    elif isinstance(parent, list):
        _apply_to_list(parent, name, step)
    elif verb == "remove":
        _child(parent, name, step)
        del parent[name]
    elif verb in ("add", "replace"):
        parent[name] = step["value"]
    else:
        raise bad_request(f"Unexpected kind: {verb}")


def _apply_to_list(entries: list[Any], name: str, step: dict[str, Any]) -> None:
    at = len(entries) if name == "-" else int(name)
    match step["op"]:
        case "add":
            entries.insert(at, step["value"])
        case "remove":
            del entries[at]
        case _:
            entries[at] = step["value"]


def _child(parent: Any, name: str, step: dict[str, Any]) -> Any:
    try:
        return parent[int(name)] if isinstance(parent, list) else parent[name]
    except (KeyError, IndexError, ValueError, TypeError):
        said = "the server rejected our request due to an error in our request"
        raise Refusal(
            422, f"{said}: {step['op']} operation does not apply: doc is missing path: {step['path']}", "Invalid", {}
        ) from None
