"""Decides whether an operator may do something: default deny, deny wins, every answer says which gate gave it.

A guard rail in front of Slurm, sudo and SSH, which really enforce: whoever can run Crashcart can run their tools too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec

from .policy_rules import CONFIRM_DEFAULT, LADDER, Document, Role, scope_matches
from .protocol import ConfirmKind
from .verbs import BY_NAME, Verb

TAKES_CAPACITY = frozenset({"drain", "cordon", "reboot"})
"""Verbs that the share of a partition limits: they take nodes out of service."""

_PATTERN_LETTERS = re.compile(r"[*?\[\]{},\s]")


@dataclass(frozen=True, slots=True)
class PolicyTarget:
    """One target and where it stands; a node may be in several partitions, and an alert is about some node."""

    name: str
    partitions: tuple[str, ...] = ()
    about: str = ""


@dataclass(frozen=True, slots=True)
class PolicyRequest:
    """Everything that a decision rests on.

    `recent` is the number of targets acted on in the last hour, `silence_seconds` how long alerts would be quiet.
    `has_second` says that somebody else can be asked to agree. `incident` breaks the glass, `glass_since` is when it
    first did (Unix seconds).
    """

    user: str
    groups: tuple[str, ...]
    cluster: str
    verb: str
    targets: tuple[PolicyTarget, ...]
    now: float
    partition_sizes: Mapping[str, int] = field(default_factory=dict)
    recent: int = 0
    silence_seconds: float | None = None
    has_second: bool = False
    incident: str = ""
    glass_since: float | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """Yes or no, why, and the gates in the order in which they were asked (`gate: answer`)."""

    allowed: bool
    why: str
    gates: tuple[str, ...] = ()
    role: str = ""
    confirm_kind: ConfirmKind = "second-person"


class Denial(Exception):
    """A gate said no; never leaves this module."""


class Policy:
    """A checked policy document. `origin` says in words where it came from, `digest` goes into each audit record."""

    def __init__(self, document: Document, origin: str, digest: str) -> None:
        self.document = document
        self.origin = origin
        self.digest = digest
        self._roles = {role.name: role for role in document.role}
        self._ladder: dict[str, ConfirmKind] = {**CONFIRM_DEFAULT, **document.confirm}

    def verb(self, name: str) -> Verb:
        """The verb with this policy's overrides. Raises KeyError."""
        verb, rule = BY_NAME[name], self.document.verb.get(name)
        if rule is None:
            return verb
        return msgspec.structs.replace(
            verb,
            risk=rule.risk or verb.risk,
            idempotent=verb.idempotent if rule.idempotent is None else rule.idempotent,
        )

    def roles_of(self, user: str, groups: Sequence[str]) -> tuple[Role, ...]:
        """Roles bound to this user, in the order of the file, each once."""
        bound = {
            bind.role: self._roles[bind.role]
            for bind in self.document.bind
            if user in bind.users or "*" in bind.users or set(groups) & set(bind.groups)
        }
        return tuple(bound.values())

    def decide(self, request: PolicyRequest) -> Decision:
        """Ask all gates in their fixed order; the first no ends it."""
        gates: list[str] = []
        role, kind = "", LADDER[-1]
        try:
            for answer in self._gates(request):
                gates.append(answer[0])
                role, kind = answer[1] or role, answer[2] or kind
        except Denial as denial:
            return Decision(False, str(denial), (*gates, str(denial)), role)
        return Decision(True, "allowed", tuple(gates), role, kind)

    def may_agree(self, request: PolicyRequest) -> Decision:
        """Whether this user may be the second person: they must be allowed the verb on the targets themselves."""
        gates: list[str] = []
        try:
            gates.append(_check_targets(request.targets))
            roles = self._bound(request)
            gates.append(_check_denies(roles, request))
            allowed = _allowing(roles, request)
            gates.append(self._check_count(allowed, len(request.targets)))
        except Denial as denial:
            return Decision(False, str(denial), (*gates, str(denial)))
        return Decision(True, "allowed", tuple(gates), allowed[0].name)

    def _gates(self, request: PolicyRequest) -> Iterator[tuple[str, str | None, ConfirmKind | None]]:
        if request.verb not in BY_NAME:
            raise Denial(f"verb: {request.verb!r} is not one of {', '.join(BY_NAME)}")
        verb = self.verb(request.verb)
        yield _check_targets(request.targets), None, None
        roles = self._bound(request)
        yield f"role: {request.user} has {', '.join(role.name for role in roles)}", None, None
        yield _check_denies(roles, request), None, None
        allowed = _allowing(roles, request)
        yield f"allow: {allowed[0].name} may {verb.name} all targets", allowed[0].name, None
        yield self._check_count(allowed, len(request.targets)), None, None
        if not verb.reads_only:
            yield self._check_share(request), None, None
            if request.incident:
                yield self._check_glass(allowed, request), None, None
            yield self._check_freeze(request), None, None
            yield self._check_rate(request), None, None
            yield self._check_silence(request), None, None
        kind, text = self._confirmation(verb, request)
        yield text, None, kind

    def _bound(self, request: PolicyRequest) -> tuple[Role, ...]:
        roles = self.roles_of(request.user, request.groups)
        if not roles:
            raise Denial(f"role: no role is bound to {request.user} ({self.origin})")
        return roles

    def _check_count(self, allowed: tuple[Role, ...], count: int) -> str:
        ceiling = self.document.limits.max_targets
        own = max(ceiling if role.max_targets is None else role.max_targets for role in allowed)
        limit = min(ceiling, own)
        if count > limit:
            raise Denial(f"max_targets: {count} targets are more than {limit}; do it in smaller steps")
        return f"max_targets: {count} of {limit}"

    def _check_share(self, request: PolicyRequest) -> str:
        if request.verb not in TAKES_CAPACITY or len(request.targets) == 1:
            return "max_partition_pct: does not apply"
        limit = self.document.limits.max_partition_pct
        for partition in sorted({name for target in request.targets for name in target.partitions}):
            count = sum(partition in target.partitions for target in request.targets)
            size = request.partition_sizes.get(partition, 0)
            if count > 1 and count * 100 > size * limit:
                raise Denial(
                    f"max_partition_pct: {count} of the {size} nodes of {partition} are more than {limit} %;"
                    f" take at most {max(1, size * limit // 100)}"
                )
        return f"max_partition_pct: within {limit} %"

    def _check_freeze(self, request: PolicyRequest) -> str:
        now = datetime.fromtimestamp(request.now, UTC)
        for freeze in self.document.freeze:
            if freeze.start <= now < freeze.end and ("*" in freeze.verbs or request.verb in freeze.verbs):
                if request.incident:
                    return f"freeze: {freeze.name} is BROKEN for {request.incident}"
                raise Denial(f"freeze: {freeze.name} refuses {request.verb} until {freeze.end:%Y-%m-%d %H:%M %Z}")
        return "freeze: none"

    def _check_glass(self, allowed: tuple[Role, ...], request: PolicyRequest) -> str:
        glass = self.document.breakglass
        if glass is None:
            raise Denial("break glass: this policy has no [breakglass]")
        if request.verb not in glass.verbs and "*" not in glass.verbs:
            raise Denial(f"break glass: not for {request.verb}")
        if not any(role.name in glass.roles for role in allowed):
            raise Denial(f"break glass: only for {', '.join(glass.roles) or 'nobody'}")
        since = request.now if request.glass_since is None else request.glass_since
        left = since + glass.minutes * 60 - request.now
        if left <= 0:
            raise Denial(f"break glass: the {glass.minutes} minutes of {request.incident} are over")
        return f"BREAK GLASS: {request.incident}, {left / 60:.0f} minutes left"

    def _check_rate(self, request: PolicyRequest) -> str:
        limit = self.document.limits.per_hour
        if request.recent + len(request.targets) > limit:
            raise Denial(
                f"per_hour: {request.recent} targets in the last hour and {len(request.targets)} more pass {limit};"
                " stop and look whether this is really what is wanted"
            )
        return f"per_hour: {request.recent + len(request.targets)} of {limit}"

    def _check_silence(self, request: PolicyRequest) -> str:
        if request.silence_seconds is None:
            return "max_silence_hours: does not apply"
        limit = self.document.limits.max_silence_hours
        hours = request.silence_seconds / 3600
        if hours > limit:
            raise Denial(
                f"max_silence_hours: {hours:.3g} hours are more than {limit:g}; shorten it, and extend it later"
            )
        return f"max_silence_hours: {hours:.3g} of {limit:g}"

    def _confirmation(self, verb: Verb, request: PolicyRequest) -> tuple[ConfirmKind, str]:
        count = len(request.targets)
        by_risk = self._ladder[verb.risk]
        sizes = sorted(int(key[5:]) for key in self._ladder if key.startswith("over_"))
        by_size = {size: self._ladder[f"over_{size}"] for size in sizes if count > size}
        kind = max([by_risk, *by_size.values()], key=LADDER.index)
        if kind != "second-person":
            return kind, f"confirm: {kind}"
        why = _why_second(by_risk, by_size, verb, count)
        if request.incident:
            return "type-name", f"confirm: type-name, the second person is replaced by {request.incident}"
        if not request.has_second:
            raise Denial(f"confirm: {verb.name} needs a second person, {why}{_instead(by_risk, by_size)}")
        return kind, f"confirm: {kind}, {why}"


def nothing_allowed(why: str) -> Policy:
    """The policy of an installation without one: every request is denied, and `why` says so."""
    return Policy(Document(version=1, default="deny"), why, "none")


def _check_targets(targets: tuple[PolicyTarget, ...]) -> str:
    names = [target.name for target in targets]
    if not names:
        raise Denial("targets: none is named")
    if len(set(names)) != len(names):
        raise Denial("targets: one is named twice")
    for name in names:
        if not name.isascii() or _PATTERN_LETTERS.search(name):
            raise Denial(f"targets: {name!r} is a pattern; targets must be expanded to single names")
    return f"targets: {len(names)} single names"


def _covers(role_rules: Sequence[tuple[tuple[str, ...], str]], request: PolicyRequest, target: PolicyTarget) -> str:
    """The first scope that covers the target in any of its partitions, or an empty string."""
    name, places = target.about or target.name, target.partitions or ("",)
    for verbs, scope in role_rules:
        if "*" not in verbs and request.verb not in verbs:
            continue
        if any(scope_matches(scope, request.cluster, place, name) for place in places):
            return scope
    return ""


def _check_denies(roles: tuple[Role, ...], request: PolicyRequest) -> str:
    for role in roles:
        rules = [(rule.verbs, rule.scope) for rule in role.deny]
        for target in request.targets:
            if scope := _covers(rules, request, target):
                raise Denial(f"deny: role {role.name} forbids {request.verb} on {target.name} ({scope})")
    return "deny: none applies"


def _allowing(roles: tuple[Role, ...], request: PolicyRequest) -> tuple[Role, ...]:
    left_over = ""
    allowed: list[Role] = []
    for role in roles:
        rules = [(rule.verbs, rule.scope) for rule in role.allow]
        missing = [target.name for target in request.targets if not _covers(rules, request, target)]
        if not missing:
            allowed.append(role)
        left_over = left_over or (missing[0] if missing else "")
    if not allowed:
        raise Denial(f"allow: no single role may {request.verb} all targets ({left_over} is not covered)")
    return tuple(allowed)


def _why_second(by_risk: ConfirmKind, by_size: Mapping[int, ConfirmKind], verb: Verb, count: int) -> str:
    if by_risk == "second-person":
        return f"because its risk is {verb.risk}"
    return f"because {count} targets are more than {_limit(by_size)}"


def _instead(by_risk: ConfirmKind, by_size: Mapping[int, ConfirmKind]) -> str:
    """What can be done where nobody else can be asked."""
    if by_risk == "second-person":
        return "; where to ask one is not configured: [approvals] directory"
    return f"; name {_limit(by_size)} or fewer, or configure where to ask one: [approvals] directory"


def _limit(by_size: Mapping[int, ConfirmKind]) -> int:
    return min(size for size, kind in by_size.items() if kind == "second-person")
