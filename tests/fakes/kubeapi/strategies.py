"""What the server does to an object of some kind when it is created or changed: defaults, status, immutable fields."""

from __future__ import annotations

import json
import random
import time
import uuid
from datetime import UTC, datetime
from typing import Any

from .resources import BUDGETS, EVENTS, JOBS, NAMESPACES, NODES, PODS, Resource
from .status import Refusal, invalid

Object = dict[str, Any]

NAME_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_SERVER_OWNED = ("uid", "creationTimestamp", "resourceVersion", "generation", "deletionTimestamp",
                 "deletionGracePeriodSeconds", "selfLink")  # fmt: skip
_NOT_READY_TOLERATIONS = [
    {"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
    for key in ("not-ready", "unreachable")
]
_POD_MUTABLE = (
    "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing "
    "tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def timestamp(seconds: float | None = None) -> str:
    """Seconds since the epoch (now) as objects carry them."""
    return datetime.fromtimestamp(time.time() if seconds is None else seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds_of(stamp: str) -> float:
    """What `timestamp` made of it."""
    return datetime.fromisoformat(stamp).timestamp()


def created(resource: Resource, value: Object) -> Object:
    """A new object with what the server adds; it still lacks its resourceVersion."""
    value = prepared(resource, with_identity(value))
    if resource.has_status and resource not in (NODES, EVENTS):
        value = {key: part for key, part in value.items() if key != "status"}
    return with_first_status(resource, value)


def with_identity(value: Object) -> Object:
    """Name, uid, birth and generation."""
    metadata = {key: part for key, part in value.get("metadata", {}).items() if key not in _SERVER_OWNED}
    if not metadata.get("name") and (prefix := metadata.get("generateName")):
        metadata["name"] = prefix + "".join(random.choices(NAME_LETTERS, k=5))
    metadata |= {"uid": str(uuid.uuid4()), "creationTimestamp": timestamp()}
    return {**value, "metadata": metadata | ({"generation": 1} if "spec" in value else {})}


def prepared(resource: Resource, value: Object) -> Object:
    """Defaults of its kind, where nothing is said."""
    if resource == PODS:
        return {**value, "spec": _pod_spec(value.get("spec") or {})}
    if resource == JOBS:
        return _job(value)
    if resource == NAMESPACES:
        name = value["metadata"]["name"]
        labels = {"kubernetes.io/metadata.name": name} | (value["metadata"].get("labels") or {})
        return {**value, "metadata": {**value["metadata"], "labels": labels}, "spec": {"finalizers": ["kubernetes"]}}
    return value


def changed(resource: Resource, old: Object, new: Object, subresource: str) -> Object:
    """What an update leads to: what the server owns stays, spec and status are each other's secret."""
    metadata = {**new["metadata"]}
    for key in _SERVER_OWNED:
        metadata.pop(key, None)
        if key in old["metadata"]:
            metadata[key] = old["metadata"][key]
    result = {**new, "metadata": metadata}
    if subresource == "status":
        result = {**old, "status": new.get("status") or {}}
    elif resource.has_status:
        result.pop("status", None)
        if "status" in old:
            result["status"] = old["status"]
    _refuse_immutable(resource, old, result)
    if "spec" in result and result["spec"] != old.get("spec"):
        result["metadata"] = {**result["metadata"], "generation": int(old["metadata"].get("generation", 1)) + 1}
    return result


def without_nothing(value: Any) -> Any:
    """Fields that typed objects do not show when they are false, zero or empty where that is the default."""
    spec = value.get("spec")
    if value.get("kind") == "Node" and isinstance(spec, dict):
        kept = {key: part for key, part in spec.items() if not (key in ("unschedulable", "taints") and not part)}
        return {**value, "spec": kept}
    return value


def _pod_spec(spec: Object) -> Object:
    defaults = {
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "serviceAccountName": "default",
        "schedulerName": "default-scheduler",
        "priority": 0,
        "enableServiceLinks": True,
        "preemptionPolicy": "PreemptLowerPriority",
    }
    tolerations = list(spec.get("tolerations") or [])
    known = {entry.get("key") for entry in tolerations}
    tolerations += [entry for entry in _NOT_READY_TOLERATIONS if entry["key"] not in known]
    containers = [_container(entry) for entry in spec.get("containers") or []]
    return defaults | spec | {"tolerations": tolerations, "containers": containers}


def _container(entry: Object) -> Object:
    resources = dict(entry.get("resources") or {})
    if limits := resources.get("limits"):
        resources["requests"] = limits | (resources.get("requests") or {})
    return (
        {"imagePullPolicy": "IfNotPresent", "terminationMessagePath": "/dev/termination-log"}
        | entry
        | {"resources": resources}
    )


def _job(value: Object) -> Object:
    metadata, spec = value["metadata"], value.get("spec") or {}
    defaults = {"parallelism": 1, "completions": 1, "backoffLimit": 6, "completionMode": "NonIndexed",
                "suspend": False, "podReplacementPolicy": "TerminatingOrFailed", "manualSelector": False}  # fmt: skip
    template = spec.get("template") or {}
    template_metadata = template.get("metadata") or {}
    owned = {"batch.kubernetes.io/controller-uid": metadata["uid"], "batch.kubernetes.io/job-name": metadata["name"],
             "controller-uid": metadata["uid"], "job-name": metadata["name"]}  # fmt: skip
    labels = (template_metadata.get("labels") or {}) | owned
    template = {**template, "metadata": {**template_metadata, "labels": labels}}
    selector = {"matchLabels": {"batch.kubernetes.io/controller-uid": metadata["uid"]}}
    return {**value, "spec": defaults | spec | {"template": template, "selector": selector}}


def with_first_status(resource: Resource, value: Object) -> Object:
    """What the status of a new object says, where it says anything."""
    if resource == PODS:
        return {**value, "status": {"phase": "Pending", "qosClass": "Burstable"}}
    if resource == NAMESPACES:
        return {**value, "status": {"phase": "Active"}}
    if resource in (JOBS, BUDGETS):
        return {**value, "status": {}}
    return value


def _refuse_immutable(resource: Resource, old: Object, new: Object) -> None:
    name, before, after = old["metadata"]["name"], old.get("spec") or {}, new.get("spec") or {}
    if resource == JOBS:
        fields = ["completions", "selector", "completionMode", *([] if before.get("suspend") else ["template"])]
        faults = [_immutable(f"spec.{key}", after.get(key)) for key in fields if before.get(key) != after.get(key)]
        if faults:
            raise invalid("batch", "Job", name, faults)
    if resource == PODS and _frozen_part(before) != _frozen_part(after):
        raise _pod_frozen(name)


def _immutable(where: str, value: Any) -> tuple[str, str, str]:
    shown = json.dumps(value, separators=(",", ":"))
    return where, "FieldValueInvalid", f"Invalid value: {shown}: field is immutable"


def _frozen_part(spec: Object) -> Object:
    containers = [{key: part for key, part in entry.items() if key != "image"} for entry in spec.get("containers", [])]
    free = ("activeDeadlineSeconds", "tolerations", "initContainers", "containers", "terminationGracePeriodSeconds")
    return {key: part for key, part in spec.items() if key not in free} | {"containers": containers}


def _pod_frozen(name: str) -> Refusal:
    where, _, text = _POD_MUTABLE.partition(": ")
    return invalid("", "Pod", name, [(where, "FieldValueForbidden", text)])
