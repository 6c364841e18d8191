"""Label conditions that the configuration adds to every query, parsed strictly: half of one is never asked."""

from __future__ import annotations

import re
from typing import Literal, cast

import msgspec

LABEL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
METRIC_NAME = re.compile(r"[A-Za-z_:][A-Za-z0-9_:]*\Z")

_CONDITION = re.compile(r'\s*([A-Za-z_][A-Za-z0-9_]*)\s*(=~|!~|!=|=)\s*"((?:[^"\\\n]|\\["\\n])*)"\s*(,|\Z)')
_ESCAPES = {'\\"': '"', "\\\\": "\\", "\\n": "\n"}

Sign = Literal["=", "!=", "=~", "!~"]


class LabelMatcher(msgspec.Struct, frozen=True):
    """One condition on one label, as PromQL has them; a regular expression must match the whole value."""

    name: str
    sign: Sign
    value: str

    def holds(self, value: str) -> bool:
        """Whether a label with this value satisfies it."""
        if self.sign in ("=", "!="):
            return (self.value == value) == (self.sign == "=")
        return bool(re.fullmatch(self.value, value)) == (self.sign == "=~")


def parse_selector(text: str) -> tuple[LabelMatcher, ...]:
    """The conditions of `{cluster="a100",rack=~"r1.*"}`, braces optional. Raises ValueError with what is wrong."""
    inner = text.strip()
    if inner.startswith("{") != inner.endswith("}") or (inner.startswith("{") and len(inner) < 2):
        raise ValueError(f'selector: {text!r} has one brace only; write {{cluster="a100"}}')
    inner = inner.removeprefix("{").removesuffix("}").strip()
    matchers: list[LabelMatcher] = []
    place = 0
    while place < len(inner):
        found = _CONDITION.match(inner, place)
        if found is None:
            raise ValueError(
                f'selector: cannot read {inner[place:]!r}; write label="value" with =, !=, =~ or !~ and commas between'
            )
        matchers.append(_matcher(found))
        place = found.end()
    return tuple(matchers)


def _matcher(found: re.Match[str]) -> LabelMatcher:
    name, sign, raw = found.group(1), cast(Sign, found.group(2)), found.group(3)
    if name == "__name__":
        raise ValueError("selector: __name__ cannot be limited here; use metrics to rename one")
    value = re.sub(r'\\["\\n]', lambda escape: _ESCAPES[escape.group()], raw)
    if sign in ("=~", "!~"):
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"selector: {value!r} is no regular expression: {error}") from error
    return LabelMatcher(name, sign, value)
