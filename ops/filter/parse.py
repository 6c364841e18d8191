"""From text to a tree; every error names its place."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Operator = Literal["=", "!=", ">", "<", ">=", "<=", "~=", "!~", "in"]
LONGEST = 2_000
DEEPEST = 50


class FilterError(ValueError):
    """The text is not a filter; `position` is the index of the character that is wrong."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.position = position


@dataclass(frozen=True, slots=True)
class Word:
    """A bare word, matched anywhere in the row."""

    text: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """`field operator value`; positions are those of field and value in the text."""

    field: str
    operator: Operator
    value: str
    position: int
    value_position: int


@dataclass(frozen=True, slots=True)
class Not:
    inner: Tree


@dataclass(frozen=True, slots=True)
class All:
    parts: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    parts: tuple[Tree, ...]


Tree = Word | Comparison | Not | All | AnyOf

_TOKEN = re.compile(
    r"\s*(?:(?P<quoted>\"(?:[^\"\\]|\\.)*\")"
    r"|(?P<operator>!=|>=|<=|~=|=~|!~|=|>|<)"
    r"|(?P<mark>[()&|!])"
    r"|(?P<word>(?:[^\s()&|!=<>~\"\[\]]|\[[^\]]*\])+)"
    r"|(?P<bad>\S))"
)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    position = 0
    while match := _TOKEN.match(text, position):
        kind = match.lastgroup or "bad"
        start = match.start(kind)
        if kind == "bad":
            raise FilterError(f"{match[kind]!r} does not belong here", start)
        found.append(_Token(kind, match[kind], start))
        position = match.end()
    return found


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokens(text)
        self._at = 0
        self._depth = 0

    def tree(self) -> Tree:
        result = self._any_of()
        if (token := self._peek()) is not None:
            raise FilterError(f"{token.text!r} does not belong here", token.start)
        return result

    def _peek(self) -> _Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _take(self, what: str) -> _Token:
        token = self._peek()
        if token is None:
            raise FilterError(f"{what} is missing at the end", len(self._text))
        self._at += 1
        return token

    def _next_is(self, mark: str) -> bool:
        token = self._peek()
        return token is not None and token.kind == "mark" and token.text == mark

    def _any_of(self) -> Tree:
        parts = [self._all()]
        while self._next_is("|"):
            self._at += 1
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def _all(self) -> Tree:
        parts = [self._one()]
        while (token := self._peek()) is not None and not (self._next_is("|") or self._next_is(")")):
            if token.kind == "mark" and token.text == "&":
                self._at += 1
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _one(self) -> Tree:
        token = self._take("a condition")
        if token.kind == "mark" and token.text in "!(":
            return self._nested(token)
        if token.kind == "quoted":
            return Word(_unquoted(token.text))
        if token.kind != "word":
            raise FilterError(f"a field or a word should stand here, not {token.text!r}", token.start)
        following = self._peek()
        if following is not None and (following.kind == "operator" or following.text == "in"):
            return self._comparison(token)
        return Word(token.text)

    def _nested(self, opening: _Token) -> Tree:
        self._depth += 1
        if self._depth > DEEPEST:
            raise FilterError(f"more than {DEEPEST} levels deep", opening.start)
        if opening.text == "!":
            inner: Tree = Not(self._one())
        else:
            inner = self._any_of()
            if not self._next_is(")"):
                raise FilterError("this parenthesis is not closed", opening.start)
            self._at += 1
        self._depth -= 1
        return inner

    def _comparison(self, name: _Token) -> Comparison:
        operator = self._take("an operator").text
        value = self._take(f"a value for {name.text!r}")
        if value.kind not in ("word", "quoted"):
            raise FilterError(f"a value should stand here, not {value.text!r}", value.start)
        text = _unquoted(value.text) if value.kind == "quoted" else value.text
        operator = "~=" if operator == "=~" else operator
        return Comparison(name.text, operator, text, name.start, value.start)  # type: ignore[arg-type]


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])


def parse(text: str) -> Tree:
    """The tree of a filter that is not blank. Raises FilterError."""
    if len(text) > LONGEST:
        raise FilterError(f"longer than {LONGEST} characters", LONGEST)
    return _Parser(text).tree()
