"""Label and field selectors, as the query of a list and as `selector` in an object."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from .resources import Resource
from .status import Refusal, bad_request

Object = dict[str, Any]
Test = Callable[[Object], bool]

_SET = re.compile(r"^\s*(?P<key>[^\s!=,()]+)\s+(?P<verb>in|notin)\s*\((?P<values>[^)]*)\)\s*$")
_EQUAL = re.compile(r"^\s*(?P<key>[^\s!=,()]+)\s*(?P<verb>==|=|!=)\s*(?P<value>[^\s!=,()]*)\s*$")
_EXISTS = re.compile(r"^\s*(?P<not>!?)\s*(?P<key>[^\s!=,()]+)\s*$")


def labels_of(thing: Object) -> dict[str, str]:
    return thing["metadata"].get("labels") or {}


def label_test(selector: str) -> Test | None:
    """What `labelSelector=` asks for; None when it asks for nothing."""
    terms = [_label_term(term) for term in _split(selector)] if selector else []
    if not terms:
        return None
    return lambda thing: all(term(labels_of(thing)) for term in terms)


def matches_selector(selector: Object | None, labels: dict[str, str]) -> bool:
    """`matchLabels` and `matchExpressions` of an object; an absent or empty selector matches nothing."""
    if not selector:
        return False
    wanted = selector.get("matchLabels") or {}
    expressions = selector.get("matchExpressions") or []
    if not wanted and not expressions:
        return False
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        _expression(expression, labels) for expression in expressions
    )


def field_test(resource: Resource, selector: str) -> Test | None:
    """What `fieldSelector=` asks for; the server knows few fields, and a few more for some kinds."""
    if not selector:
        return None
    terms = [_field_term(resource, term, selector) for term in selector.split(",") if term.strip()]
    return lambda thing: all(term(thing) for term in terms)


def both(first: Test | None, second: Test | None) -> Test | None:
    if first is None or second is None:
        return first or second
    return lambda thing: first(thing) and second(thing)


def _split(selector: str) -> list[str]:
    """At commas that stand outside of parentheses."""
    return [term for term in re.split(r",(?![^(]*\))", selector) if term.strip()]


def _label_term(term: str) -> Callable[[dict[str, str]], bool]:
    if found := _SET.match(term):
        key, values = found["key"], {value.strip() for value in found["values"].split(",")}
        if found["verb"] == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    if found := _EQUAL.match(term):
        key, value = found["key"], found["value"]
        if found["verb"] == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    if found := _EXISTS.match(term):
        key, wanted = found["key"], not found["not"]
        return lambda labels: (key in labels) is wanted
    raise bad_request(f"unable to parse requirement: found '{term.strip()}', expected: identifier")


def _expression(expression: Object, labels: dict[str, str]) -> bool:
    key, values = expression["key"], expression.get("values") or []
    match expression["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case _:
            return key not in labels


def _field_term(resource: Resource, term: str, whole: str) -> Test:
    found = re.match(r"^\s*([\w.]+)\s*(!=|==|=)\s*(.*?)\s*$", term)
    if found is None:
        raise bad_request(f"invalid selector: '{whole}'; can't understand '{term}'")
    name, verb, value = found.groups()
    known = ("metadata.name", *(("metadata.namespace",) if resource.namespaced else ()), *resource.field_labels)
    if name not in known:
        raise _unknown_field(resource, name, whole)
    path, equal = name.split("."), verb != "!="
    return lambda thing: (_text_at(thing, path) == value) is equal


def _unknown_field(resource: Resource, name: str, selector: str) -> Refusal:
    what = f"{resource.api_version}, Resource={resource.plural}"
    what = what if resource.group else f"/{what}"
    return bad_request(
        f'Unable to find "{what}" that match label selector "", field selector "{selector}": '
        f'field label "{name}" not supported for {resource.kind}'
    )


def _text_at(thing: Object, path: list[str]) -> str:
    value: Any = thing
    if path == ["source"]:
        return str(thing.get("source", {}).get("component", ""))
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    if path == ["spec", "unschedulable"]:
        return "true" if value else "false"
    return "" if value is None else str(value)
