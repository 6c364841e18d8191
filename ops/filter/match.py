"""From a tree to a yes or no for one row."""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches

from crashcart.ops.fields import FIELDS, Field, Scene, Value
from crashcart.ops.targets import TargetError, expand

from .parse import All, AnyOf, Comparison, FilterError, Not, Tree, Word, parse

Verdict = bool | None
"""True, False, or None: it depends on something that is not known."""

Test = Callable[[Scene, object], Verdict]

_UNITS: dict[str, dict[str, float]] = {
    "seconds": {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800},
    "bytes": {"": 1, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40},
    "number": {"": 1, "k": 1e3, "m": 1e6, "g": 1e9, "%": 1, "w": 1, "c": 1},
}
_NUMBER = re.compile(r"(-?\d+(?:\.\d+)?)\s*([A-Za-z%]*)\Z")
_FLAGS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


class Filter:
    """A compiled filter for one kind. An empty filter matches everything."""

    def __init__(self, text: str, kind: str, test: Test | None) -> None:
        self.text = text
        self.kind = kind
        self._test = test

    def matches(self, scene: Scene, row: object) -> bool:
        """Whether the row is wanted; what cannot be known is not wanted."""
        return self._test is None or self._test(scene, row) is True


def compile_filter(text: str, kind: str) -> Filter:
    """Compile `text` for rows of `kind` (node job queue alert gpu). Raises FilterError with the place of the error."""
    if not text.strip():
        return Filter("", kind, None)
    return Filter(text, kind, _compile(parse(text), kind))


def _compile(tree: Tree, kind: str) -> Test:
    match tree:
        case Word(text):
            return _word(text, kind)
        case Comparison():
            return _comparison(tree, kind)
        case Not(inner):
            test = _compile(inner, kind)
            return lambda scene, row: None if (verdict := test(scene, row)) is None else not verdict
        case All(parts):
            tests = [_compile(part, kind) for part in parts]
            return lambda scene, row: _all(tests, scene, row)
        case AnyOf(parts):
            tests = [_compile(part, kind) for part in parts]
            return lambda scene, row: _any(tests, scene, row)


def _all(tests: list[Test], scene: Scene, row: object) -> Verdict:
    unknown = False
    for test in tests:
        verdict = test(scene, row)
        if verdict is False:
            return False
        unknown |= verdict is None
    return None if unknown else True


def _any(tests: list[Test], scene: Scene, row: object) -> Verdict:
    unknown = False
    for test in tests:
        verdict = test(scene, row)
        if verdict is True:
            return True
        unknown |= verdict is None
    return None if unknown else False


def _word(text: str, kind: str) -> Test:
    pattern = re.compile(".*?".join(re.escape(char) for char in text), re.IGNORECASE | re.DOTALL)
    fields = [field for field in FIELDS[kind].values() if field.type in ("text", "names") and field.name != "source"]
    return lambda scene, row: any(
        pattern.search(part) is not None for field in fields for part in _texts(field.read(scene, row))
    )


def _texts(value: Value) -> tuple[str, ...]:
    if isinstance(value, tuple):
        return value
    return () if value is None else (str(value),)


def _comparison(comparison: Comparison, kind: str) -> Test:
    field = FIELDS[kind].get(comparison.field.removeprefix(f"{kind}."))
    if field is None:
        near = get_close_matches(comparison.field, FIELDS[kind], n=1)
        hint = f"; did you mean {near[0]}?" if near else f"; there are: {', '.join(FIELDS[kind])}"
        raise FilterError(f"a {kind} has no field {comparison.field!r}{hint}", comparison.position)
    if field.type in ("number", "seconds", "bytes"):
        return _numeric(field, comparison)
    if field.type == "flag":
        return _flag(field, comparison)
    return _textual(field, comparison)


def _numeric(field: Field, comparison: Comparison) -> Test:
    wanted = _number(field, comparison)
    compare: Callable[[float], bool]
    match comparison.operator:
        case "=":
            compare = wanted.__eq__
        case "!=":
            compare = wanted.__ne__
        case ">":
            compare = wanted.__lt__
        case "<":
            compare = wanted.__gt__
        case ">=":
            compare = wanted.__le__
        case "<=":
            compare = wanted.__ge__
        case other:
            raise FilterError(f"{field.name} is a number; {other} does not go with it", comparison.position)

    def test(scene: Scene, row: object) -> Verdict:
        value = field.read(scene, row)
        return compare(float(value)) if isinstance(value, int | float) else None

    return test


def _number(field: Field, comparison: Comparison) -> float:
    match = _NUMBER.match(comparison.value)
    units = _UNITS[field.type]
    if match is None or match[2].lower() not in units:
        allowed = " ".join(unit for unit in units if unit)
        raise FilterError(
            f"{comparison.value!r} is not a number for {field.name} (units: {allowed})", comparison.value_position
        )
    return float(match[1]) * units[match[2].lower()]


def _flag(field: Field, comparison: Comparison) -> Test:
    wanted = _FLAGS.get(comparison.value.lower())
    if wanted is None or comparison.operator not in ("=", "!="):
        raise FilterError(f"{field.name} is yes or no", comparison.value_position)
    negated = comparison.operator == "!="

    def test(scene: Scene, row: object) -> Verdict:
        value = field.read(scene, row)
        return None if value is None else (value == wanted) != negated

    return test


def _textual(field: Field, comparison: Comparison) -> Test:
    one = _one_text(field, comparison)
    negated = comparison.operator in ("!=", "!~")

    def test(scene: Scene, row: object) -> Verdict:
        value = field.read(scene, row)
        if value is None:
            return None
        found = any(one(part) for part in _texts(value))
        if not found and field.doubt is not None and isinstance(value, tuple) and field.doubt in value:
            return None
        return found != negated

    return test


def _one_text(field: Field, comparison: Comparison) -> Callable[[str], bool]:
    wanted = comparison.value
    match comparison.operator:
        case "=" | "!=":
            if "*" in wanted or "?" in wanted:
                glob = re.compile(re.escape(wanted).replace(r"\*", ".*").replace(r"\?", "."), re.IGNORECASE)
                return lambda text: glob.fullmatch(text) is not None
            folded = wanted.lower()
            return lambda text: text.lower() == folded
        case "~=" | "!~":
            pattern = _regex(comparison)
            return lambda text: pattern.search(text) is not None
        case "in":
            names = _names(comparison)
            return lambda text: text in names
        case other:
            raise FilterError(f"{field.name} is text; {other} does not go with it", comparison.position)


def _regex(comparison: Comparison) -> re.Pattern[str]:
    try:
        return re.compile(comparison.value, re.IGNORECASE)
    except re.error as error:
        raise FilterError(f"not a regular expression: {error}", comparison.value_position + (error.pos or 0)) from error


def _names(comparison: Comparison) -> frozenset[str]:
    try:
        return frozenset(expand(comparison.value))
    except TargetError as error:
        raise FilterError(str(error), comparison.value_position) from error
