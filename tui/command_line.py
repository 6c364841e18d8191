"""What is typed behind `:`, as a value: the same verbs as the keys, with targets and reason in words."""

from __future__ import annotations

from dataclasses import dataclass, field

from crashcart.ops.targets import TargetError, expand_typed
from crashcart.ops.verbs import BY_WORD, TargetKind, Verb

from .places import ROOT_VIEWS, SIDE_VIEWS

SELECTION = "."
"""Stands for what is marked or under the cursor."""

SIMPLE = ("help", "quit", "freeze", "repaint", "undo", "approvals", "mine", "slow-link")


class CommandLineError(ValueError):
    """What was typed is no command; the text says what would be."""


@dataclass(frozen=True, slots=True)
class Go:
    """Go to a view."""

    view: str


@dataclass(frozen=True, slots=True)
class SetFilter:
    """Filter this view."""

    text: str


@dataclass(frozen=True, slots=True)
class SetTheme:
    """Another theme; no name asks which there are."""

    name: str


@dataclass(frozen=True, slots=True)
class SetCluster:
    """Show one cluster; None all."""

    name: str | None


@dataclass(frozen=True, slots=True)
class Simple:
    """A command without arguments."""

    name: str


@dataclass(frozen=True, slots=True)
class Act:
    """Ask for the preview of a verb. No targets: those that are selected. No kind: the picture tells what they are."""

    verb: Verb
    targets: tuple[str, ...]
    params: dict[str, str] = field(default_factory=dict)
    kind: TargetKind | None = None


Typed = Go | SetFilter | SetTheme | SetCluster | Simple | Act


def parse(text: str) -> Typed | None:
    """The command, or None for an empty line. Raises CommandLineError."""
    word, _, rest = text.strip().removeprefix(":").partition(" ")
    rest = rest.strip()
    if not word:
        return None
    if word in (*ROOT_VIEWS, *SIDE_VIEWS):
        return Go(word)
    match word:
        case "filter":
            return SetFilter(rest)
        case "theme":
            return SetTheme(rest)
        case "cluster":
            return SetCluster(None if rest in ("", "all", "*") else rest)
        case "q" | "quit" | "exit":
            return Simple("quit")
    if word in BY_WORD:
        return _act(BY_WORD[word], rest)
    if word in SIMPLE:
        return Simple(word)
    raise CommandLineError(f"there is no command {word!r}; Tab shows what there is")


def _act(verb: Verb, rest: str) -> Act:
    """`TARGETS [name=value ...] [reason words]`."""
    first, _, more = rest.partition(" ")
    targets: tuple[str, ...] = ()
    kind: TargetKind | None = None
    if first not in ("", SELECTION):
        try:
            kind, targets = expand_typed(verb, first)
        except TargetError as error:
            raise CommandLineError(f"{verb.name}: {error}") from error
    params, reason = _params(more)
    if reason and verb.name == "diagnose" and "check" not in params:
        params["check"] = reason
    elif reason:
        params["reason"] = reason
    return Act(verb, targets, params, kind)


def _params(text: str) -> tuple[dict[str, str], str]:
    params: dict[str, str] = {}
    words: list[str] = []
    for word in text.split():
        name, equals, value = word.partition("=")
        if equals and name.isidentifier() and not words:
            params[name] = value
        else:
            words.append(word)
    return params, " ".join(words)
