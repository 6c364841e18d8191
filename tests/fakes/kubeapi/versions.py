"""Objects as the served versions show them: the preferred version is stored, the others differ in a few fields."""

from __future__ import annotations

from typing import Any

from .resources import Resource
from .store import Stored, encode

Object = dict[str, Any]

_PRIORITY_GROUPS = {
    "kueue.x-k8s.io/workloadpriorityclass": ("kueue.x-k8s.io", "WorkloadPriorityClass"),
    "scheduling.k8s.io/priorityclass": ("scheduling.k8s.io", "PriorityClass"),
}


def alone(row: Stored, version: str) -> bytes:
    """An object with kind and apiVersion in front."""
    resource = row.resource
    head = f'{{"kind":"{resource.kind}","apiVersion":"{resource.api_version_at(version)}",'.encode()
    if version == resource.versions[0]:
        return head + row.tail
    return head + encode(_bare(shown_at(row.value, resource, version)))[1:]


def in_list(row: Stored, version: str) -> bytes:
    """An object among others: what is no custom resource stands there without kind and apiVersion."""
    return alone(row, version) if row.resource.is_custom else b"{" + row.tail


def shown_at(value: Object, resource: Resource, version: str) -> Object:
    """A stored object as another version shows it."""
    shown = {**value, "apiVersion": resource.api_version_at(version)}
    if version == "v1beta1" and resource.kind == "Workload":
        shown["spec"] = _with_priority_source(value.get("spec") or {})
    elif version == "v1beta1" and resource.kind == "ClusterQueue":
        shown["spec"] = _renamed(value.get("spec") or {}, "cohortName", "cohort")
    return shown


def stored_from(value: Object, resource: Resource, version: str) -> Object:
    """What is stored for an object sent in some version."""
    kept = {**value, "apiVersion": resource.api_version, "kind": resource.kind}
    if version == "v1beta1" and resource.kind == "Workload":
        kept["spec"] = _with_priority_reference(value.get("spec") or {})
    elif version == "v1beta1" and resource.kind == "ClusterQueue":
        kept["spec"] = _renamed(value.get("spec") or {}, "cohort", "cohortName")
    return kept


def _bare(value: Object) -> Object:
    return {key: part for key, part in value.items() if key not in ("kind", "apiVersion")}


def _renamed(spec: Object, old: str, new: str) -> Object:
    return {new if key == old else key: part for key, part in spec.items()}


def _with_priority_source(spec: Object) -> Object:
    reference = spec.get("priorityClassRef")
    kept = {key: part for key, part in spec.items() if key != "priorityClassRef"}
    if not reference:
        return kept
    meant = (reference["group"], reference["kind"])
    source = next(source for source, known in _PRIORITY_GROUPS.items() if known == meant)
    return {**kept, "priorityClassName": reference["name"], "priorityClassSource": source}


def _with_priority_reference(spec: Object) -> Object:
    kept = {key: part for key, part in spec.items() if key not in ("priorityClassName", "priorityClassSource")}
    if known := _PRIORITY_GROUPS.get(spec.get("priorityClassSource", "")):
        kept["priorityClassRef"] = {"group": known[0], "kind": known[1], "name": spec.get("priorityClassName", "")}
    return kept
