"""Label selectors as kubectl takes them, `app=llm,tier in (a,b),!debug`, held against the labels of a thing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

_PARTS = re.compile(r",(?![^()]*\))")
_AMONG = re.compile(r"(?P<key>\S+) (?P<how>in|notin) \((?P<values>[^()]*)\)\Z")

Test = Callable[[Mapping[str, str]], bool]


def selects(selector: str, labels: Iterable[str] | None) -> bool | None:
    """Whether a selector matches labels (`app=llm`); None where that cannot be told.

    `(all)` is every pod of the namespace, `(none)` no pod; a selector that was cut off tells nothing.
    """
    tests = _tests(selector)
    if labels is None or tests is None:
        return True if selector == "(all)" else False if selector == "(none)" else None
    held = dict(label.split("=", 1) for label in labels if "=" in label)
    return selector != "(none)" and all(test(held) for test in tests)


@lru_cache(maxsize=4096)
def _tests(selector: str) -> tuple[Test, ...] | None:
    if selector in ("(all)", "(none)"):
        return ()
    if not selector or selector.endswith("…"):
        return None
    return tuple(_test(part.strip()) for part in _PARTS.split(selector))


def _test(part: str) -> Test:
    among = _AMONG.match(part)
    if among is not None:
        key, values = among["key"], frozenset(value.strip() for value in among["values"].split(","))
        if among["how"] == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    key, equals, value = part.partition("=")
    if equals:
        return lambda labels: labels.get(key) == value
    if part.startswith("!"):
        return lambda labels: part[1:] not in labels
    return lambda labels: part in labels
