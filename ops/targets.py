"""Target sets as operators write them, `gpu[001-064]`: expanded to single names before anything else looks at them.

Patterns never travel further than this module: what runs, is recorded and is confirmed is a list of names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from ClusterShell.NodeSet import NodeSet, NodeSetException
from ClusterShell.NodeUtils import GroupResolver

from crashcart.backends.errors import BadIdentifier
from crashcart.backends.text import WORKLOAD_ID, alert_id, clean, job_name, node_name

from .verbs import TargetKind, Verb

LIMIT = 20_000
"""Names in one set; a larger one is a typing mistake, and `[0-999999999]` would eat the memory of the process."""

TEXT_LIMIT = 1 << 20
_GROUPS_OFF = GroupResolver()
_PLAIN = re.compile(r"[A-Za-z0-9._+,\[\]/ -]*\Z")
_BRACKETS = re.compile(r"\[([^\]]*)\]")
_RANGE = re.compile(r"\s*([0-9]{1,12})(?:-([0-9]{1,12})(?:/([0-9]{1,6}))?)?\s*\Z")


CHECKS: dict[TargetKind, Callable[[str], str]] = {
    "node": node_name,
    "job": job_name,
    "rack": node_name,
    "alert": alert_id,
    "silence": alert_id,
}
"""The allow-list of each kind of target; each raises BadIdentifier."""


class TargetError(ValueError):
    """A target set that cannot be read, is empty or too large. The text says which part and why."""


def expand(text: str) -> tuple[str, ...]:
    """Return the node names that `gpu[001-064],login1` stands for, each once. Raises TargetError."""
    return _expand(text, node_name, "node")


def expand_jobs(text: str) -> tuple[str, ...]:
    """Return the job ids that `42,9_[2-4],train/llm` stands for, each once. Raises TargetError."""
    return _expand(text, job_name, "job")


def expand_kind(kind: TargetKind, text: str) -> tuple[str, ...]:
    """Return the targets of this kind that `text` stands for, each once. Raises TargetError."""
    if kind in ("node", "job"):
        return _expand(text, CHECKS[kind], kind)
    try:
        names = dict.fromkeys(CHECKS[kind](part) for part in re.split(r"[,\s]+", text.strip()) if part)
    except BadIdentifier as error:
        raise TargetError(str(error)) from error
    if not names:
        raise TargetError(f"no {kind} is named")
    return tuple(names)


def expand_typed(verb: Verb, text: str) -> tuple[TargetKind | None, tuple[str, ...]]:
    """Targets as typed for a verb, `gpu[01-04]` or `rack:r12`; the kind is None where the verb takes several and none
    is said. Raises TargetError.
    """
    said, colon, rest = text.partition(":")
    for kind in (verb.target, *verb.also):
        if colon and said == kind:
            return kind, expand_kind(kind, rest)
    if colon:
        kinds = ", ".join(f"{kind}:" for kind in (verb.target, *verb.also))
        raise TargetError(f"{clean(said, limit=40)!r}: {verb.name} takes {kinds}")
    if not verb.also:
        return verb.target, expand_kind(verb.target, text)
    return None, expand(text)


def fold(names: Iterable[str]) -> str:
    """Return the shortest usual spelling of these names: `gpu[001-064],login1`."""
    folded = NodeSet(resolver=_GROUPS_OFF)
    for name in names:
        folded.update(NodeSet(name, resolver=_GROUPS_OFF))
    return str(folded)


def _expand(text: str, identifier: Callable[[str], str], what: str) -> tuple[str, ...]:
    if len(text) > TEXT_LIMIT:
        raise TargetError(f"a {what} set of {len(text)} characters is too long")
    if not _PLAIN.match(text):
        raise TargetError(
            f"{clean(text, limit=80)!r} is not a {what} set: name them, or write ranges like gpu[001-064];"
            " wildcards, groups (@) and set operators are not accepted"
        )
    names: dict[str, None] = {}
    for part in _parts(text):
        if what == "job" and WORKLOAD_ID.match(part):  # to a node set the slash is a step
            names[part] = None
            continue
        room = LIMIT - len(names)
        if _size(part) > room:
            raise TargetError(f"{clean(part, limit=80)!r} makes more than {LIMIT} {what}s")
        try:
            names.update((identifier(name), None) for name in NodeSet(part, resolver=_GROUPS_OFF))
        except (NodeSetException, BadIdentifier) as error:
            why = clean(str(error), limit=200)
            raise TargetError(f"{clean(part, limit=80)!r} is not a {what} set: {why}") from error
    if not names:
        raise TargetError(f"no {what} is named")
    return tuple(names)


def _parts(text: str) -> list[str]:
    """Split at commas and blanks outside brackets."""
    spread = _BRACKETS.sub(lambda found: found[0].replace(",", ";").replace(" ", ""), text)
    return [part.replace(";", ",") for part in re.split(r"[,\s]+", spread) if part]


def _size(part: str) -> int:
    """How many names the part makes at most, without making them."""
    size = 1
    for ranges in _BRACKETS.findall(part):
        count = 0
        for item in ranges.split(","):
            found = _RANGE.match(item)
            if found is None:
                raise TargetError(f"{clean(item, limit=40)!r} in {clean(part, limit=80)!r} is not a range like 001-064")
            first, last = int(found[1]), int(found[2] or found[1])
            count += max(1, (last - first) // max(1, int(found[3] or 1)) + 1)
        size *= count
    return size
