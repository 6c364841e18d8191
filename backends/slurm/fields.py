"""The small pieces of Slurm's text: `Key=value` lines, times, sizes, GRES strings, node lists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from ClusterShell.NodeSet import RESOLVER_NOGROUP, NodeSet, NodeSetException

from crashcart.backends.errors import Malformed
from crashcart.backends.text import clean

Fields = dict[str, str]

_KEY = re.compile(r"(?:^|\s)([A-Z][A-Za-z0-9/:_]*)=")
_NOTHING = frozenset({"", "(null)", "N/A", "n/a", "None", "Unknown", "NONE", "n/s"})
_GRES = re.compile(r"gpu(?::(?P<type>[^:=(,\s]+))?[:=](?P<count>\d+)(?:\((?P<notes>[^)]*)\))?")
_DURATION = re.compile(r"(?:(?P<days>\d+)-)?(?P<clock>\d+(?::\d+){0,2})\Z")
_NODE_LIST = re.compile(r"[A-Za-z0-9._,\[\]-]{1,1048576}\Z")
_LIST_ITEM = re.compile(r"(?:[^,\[\]]|\[[^\]]*\])+")
_LONGEST_TEXT = 1024
MOST_NODES = 200_000
"""A list that names more is refused before it is expanded; the largest known Slurm clusters have some 20,000 nodes."""


def lines(raw: bytes) -> Iterator[str]:
    """Lines of a command's output that are not blank, decoded; what is not UTF-8 is shown as escapes."""
    for line in raw.decode("utf-8", "backslashreplace").split("\n"):
        if line.strip():
            yield line


def fields(line: str) -> Fields:
    """Split a `scontrol -o` line. Values may hold blanks; the first of a repeated key counts."""
    found: Fields = {}
    matches = list(_KEY.finditer(line))
    for match, following in zip(matches, [*matches[1:], None], strict=False):
        end = following.start() if following else len(line)
        found.setdefault(match[1], line[match.end() : end].strip())
    return found


def told(value: str | None) -> str | None:
    """A value as cleaned text, or None where Slurm says that there is none."""
    if value is None or value in _NOTHING:
        return None
    return clean(value, limit=_LONGEST_TEXT)


def whole(value: str | None) -> int | None:
    """A whole number; None where there is none. Raises Malformed for anything else that is not a number."""
    if value is None or value in _NOTHING:
        return None
    match = re.match(r"-?\d+", value)
    if match is None or len(match[0]) > 18:
        raise Malformed(f"{clean(value, limit=80)!r} is not a number")
    return int(match[0])


def moment(value: str | None) -> float | None:
    """`2026-11-23T18:19:53`, UTC as the commands are asked for, as Unix seconds. Raises Malformed."""
    if value is None or value in _NOTHING:
        return None
    try:
        return datetime.fromisoformat(value).replace(tzinfo=UTC).timestamp()
    except (ValueError, OverflowError) as error:
        raise Malformed(f"{clean(value, limit=80)!r} is not a time") from error


def duration(value: str | None) -> float | None:
    """`7-00:00:00`, `1:30:00`, `10:00` (minutes first) or a number of minutes, as seconds; UNLIMITED is None."""
    if (
        value is None
        or value in _NOTHING
        or value in ("UNLIMITED", "INVALID", "NOT_SET", "Partition_Limit", "infinite")
    ):
        return None
    match = _DURATION.match(value)
    if match is None or len(value) > 40:
        raise Malformed(f"{clean(value, limit=80)!r} is not a duration")
    parts = [int(part) for part in match["clock"].split(":")]
    days = int(match["days"] or 0)
    if match["days"] is not None:  # days-hours[:minutes[:seconds]]
        hours, minutes, seconds = [*parts, 0, 0][:3]
    elif len(parts) == 3:
        hours, minutes, seconds = parts
    else:  # minutes[:seconds]
        hours, minutes, seconds = 0, *[*parts, 0][:2]
    return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)


def expand(node_list: str) -> tuple[str, ...]:
    """Names of a folded list. Raises Malformed, also for lists that are absurdly long."""
    if not _NODE_LIST.match(node_list) or _size(node_list) > MOST_NODES:
        raise Malformed(f"{clean(node_list, limit=80)!r} is not a list of at most {MOST_NODES} nodes")
    try:
        return tuple(NodeSet(node_list, resolver=RESOLVER_NOGROUP))
    except (NodeSetException, ValueError, OverflowError) as error:
        raise Malformed(f"{clean(node_list, limit=80)!r} is not a node list") from error


def _size(node_list: str) -> int:
    """At most how many names `r[1-2]n[001-064],login1` stands for, without expanding it."""
    total = 0
    for item in _LIST_ITEM.findall(node_list):
        product = 1
        for inside in re.findall(r"\[([^\]]*)\]", item):
            spans = re.findall(r"(\d{1,12})(?:-(\d{1,12}))?", inside)
            product *= sum(max(1, int(last or first) - int(first) + 1) for first, last in spans)
        total += product
    return total


def indexes(text: str) -> tuple[int, ...]:
    """`0-3,6` as numbers. Raises Malformed."""
    found: list[int] = []
    for part in text.split(","):
        match = re.match(r"(\d{1,4})(?:-(\d{1,4}))?\Z", part.strip())
        if match is None:
            raise Malformed(f"{clean(text, limit=80)!r} is not a list of GPU indexes")
        found += range(int(match[1]), int(match[2] or match[1]) + 1)
    return tuple(found)


class Gres:
    """GPUs of a GRES string: how many, of which type, and their indexes where they are told."""

    __slots__ = ("count", "indexes", "type")

    def __init__(self, count: int, type_: str | None, indexes_: tuple[int, ...] | None) -> None:
        self.count = count
        self.type = type_
        self.indexes = indexes_


def gpus(value: str | None) -> Gres | None:
    """Read `gpu:h100:4(IDX:0-3),gpu:a100:2(S:0)`; None where the string names no GPU."""
    if value is None:
        return None
    count = 0
    types: list[str] = []
    known: list[int] = []
    matches = list(_GRES.finditer(value))
    if not matches:
        return None
    told_indexes = True
    for match in matches:
        amount = whole(match["count"]) or 0
        count += amount
        if match["type"]:
            types.append(clean(match["type"], limit=40))
        notes = re.search(r"IDX:([0-9,-]+)", match["notes"] or "")
        if notes:
            known += indexes(notes[1])
        elif amount:
            told_indexes = False
    return Gres(count, types[0] if types else None, tuple(sorted(set(known))) if told_indexes else None)
