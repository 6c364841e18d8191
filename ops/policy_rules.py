"""What a policy file consists of. Unknown keys are refused: a typing mistake must never change access unseen."""

from __future__ import annotations

from datetime import datetime
from fnmatch import fnmatchcase
from typing import Literal

import msgspec

from .protocol import ConfirmKind
from .verbs import Risk

LADDER: tuple[ConfirmKind, ...] = ("key", "type-name", "type-count", "second-person")
"""Confirmations from weak to strong; of two that apply the stronger one is asked for."""

CONFIRM_DEFAULT: dict[str, ConfirmKind] = {
    "low": "key",
    "medium": "type-name",
    "high": "type-name",
    "critical": "second-person",
    "over_1": "type-count",
    "over_16": "second-person",
}


class Shape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of all tables of the file."""


class Limits(Shape, frozen=True):
    """A ceiling for all roles. `per_hour` counts targets that were really acted on, by everybody in this audit log."""

    max_targets: int = 64
    max_partition_pct: int = 20
    per_hour: int = 120
    max_silence_hours: float = 24.0


class VerbRule(Shape, frozen=True):
    """Overrides of the built-in verb table."""

    risk: Risk | None = None
    idempotent: bool | None = None


class Freeze(Shape, frozen=True, rename={"start": "from", "end": "to"}):
    """A time in which verbs are refused for everybody."""

    name: str
    start: datetime
    end: datetime
    verbs: tuple[str, ...]


class Rule(Shape, frozen=True):
    """Verbs (`*` for all) within a scope `CLUSTER/PARTITION/NAME`."""

    verbs: tuple[str, ...]
    scope: str


class Role(Shape, frozen=True):
    """What a role may and must not do; a deny wins over every allow of every role."""

    name: str
    allow: tuple[Rule, ...] = ()
    deny: tuple[Rule, ...] = ()
    max_targets: int | None = None


class Bind(Shape, frozen=True):
    """Who has a role: user names (`*` for everybody) and groups of the operating system (`unix:NAME`)."""

    role: str
    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


class BreakGlass(Shape, frozen=True):
    """Who may, for `minutes` from its first use under one incident id, do without a second person and in a freeze."""

    roles: tuple[str, ...]
    verbs: tuple[str, ...]
    minutes: int = 60


class Approvals(Shape, frozen=True):
    """`unverified` says whether a second person counts whose agreement no signature proves."""

    unverified: Literal["deny", "allow"] = "deny"


class Document(Shape, frozen=True):
    """The whole file. `version` and `default` are required, so that a file of another tool is never taken for one."""

    version: Literal[1]
    default: Literal["deny"]
    limits: Limits = Limits()
    verb: dict[str, VerbRule] = {}
    confirm: dict[str, ConfirmKind] = {}
    freeze: tuple[Freeze, ...] = ()
    role: tuple[Role, ...] = ()
    bind: tuple[Bind, ...] = ()
    breakglass: BreakGlass | None = None
    approvals: Approvals = Approvals()


def scope_matches(scope: str, cluster: str, partition: str, name: str) -> bool:
    """Whether a glob scope covers one target; `*` stays within its segment, the scope `*` alone covers everything."""
    if scope == "*":
        return True
    patterns = scope.split("/")
    values = (cluster, partition, name)
    return len(patterns) == 3 and all(map(fnmatchcase, values, patterns))
