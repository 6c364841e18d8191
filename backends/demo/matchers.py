"""Conditions on labels, as Alertmanager reads, writes and applies them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from crashcart.backends.model import Matcher

_FORM = re.compile(r'\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(=~|!~|!=|=)\s*(?:"((?:[^"\\]|\\.)*)"|([^"]*))\s*\Z', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_LETTERS = {"n": "\n", '"': '"', "\\": "\\"}


class BadMatcher(ValueError):
    """Not a condition; the text is Alertmanager's."""


def parse(text: str) -> Matcher:
    """`node=~"gpu01.*"` or `node=gpu017`. Raises BadMatcher."""
    found = _FORM.match(text)
    if found is None:
        raise BadMatcher(f"bad matcher format: {text}")
    name, sign, quoted, plain = found.groups()
    value = plain if quoted is None else _ESCAPED.sub(lambda m: _LETTERS.get(m[1], m[0]), quoted)
    if sign in ("=~", "!~"):
        try:
            _pattern(value)
        except re.error as error:
            raise BadMatcher(f"error parsing regexp: {error.msg}: `{value}`") from error
    return Matcher(name, value, is_regex=sign in ("=~", "!~"), is_equal=sign in ("=", "=~"))


@lru_cache(maxsize=256)
def _pattern(value: str) -> re.Pattern[str]:
    return re.compile(value)


def matches(matcher: Matcher, labels: Mapping[str, str]) -> bool:
    """Whether the condition holds; a label that is missing is the empty string."""
    value = labels.get(matcher.name, "")
    is_same = bool(_pattern(matcher.value).fullmatch(value)) if matcher.is_regex else value == matcher.value
    return is_same == matcher.is_equal


def match_anything(matchers: Sequence[Matcher]) -> bool:
    """Whether these hold for an alert without any labels: Alertmanager refuses to silence by such."""
    return all(matches(matcher, {}) for matcher in matchers)
