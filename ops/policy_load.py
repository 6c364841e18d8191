"""Reads a policy and refuses it as a whole, with file, line and key, when anything in it is not understood."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import tomllib
from pathlib import Path

import msgspec

from crashcart.backends.text import clean

from .policy import Policy, nothing_allowed
from .policy_rules import Document, Rule
from .session import Session
from .verbs import BY_NAME

_MAX_BYTES = 1 << 20
_SCOPE = re.compile(r"[A-Za-z0-9._+*?\[\]!-]+(?:/[A-Za-z0-9._+*?\[\]!-]*){2}\Z")
_CONFIRM_KEY = re.compile(r"(?:low|medium|high|critical|over_[1-9][0-9]{0,5})\Z")
_GROUP = re.compile(r"unix:[A-Za-z0-9_][A-Za-z0-9_.@ -]{0,127}\Z")


class PolicyError(ValueError):
    """The policy cannot be used. The text says where and what to change."""


class _Wrong(Exception):
    """A fault at a key; `word` is what to look for in the text."""

    def __init__(self, word: str, text: str) -> None:
        super().__init__(text)
        self.word = word


def policy_of(session: Session) -> Policy:
    """The session's policy: its text, its file, or the one that allows nothing. Raises PolicyError."""
    if session.policy_text is not None:
        return parse_policy(session.policy_text, "the demo's own policy")
    if session.policy_file is not None:
        return read_policy(Path(session.policy_file))
    return nothing_allowed("there is no policy, so nothing may be done; make one with: crashcart policy init")


def read_policy(path: Path) -> Policy:
    """Read a policy file that only its owner (root or this user) can have written. Raises PolicyError."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe must not hold us
        try:
            _check_owner(path, os.fstat(descriptor))
            raw = os.read(descriptor, _MAX_BYTES + 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise PolicyError(f"{path}: cannot be read: {error.strerror}") from error
    if len(raw) > _MAX_BYTES:
        raise PolicyError(f"{path}: more than {_MAX_BYTES} bytes is no policy")
    try:
        return parse_policy(raw.decode(), str(path))
    except UnicodeDecodeError as error:
        raise PolicyError(f"{path}: not UTF-8: {error}") from error


def parse_policy(text: str, origin: str) -> Policy:
    """Check the text of a policy; `origin` names it in messages. Raises PolicyError."""
    try:
        document = msgspec.convert(tomllib.loads(text), Document)
        _check(document)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{origin}: not TOML: {clean(str(error), limit=200)}") from error
    except msgspec.ValidationError as error:
        raise PolicyError(_placed(origin, text, _key_of(str(error)), str(error))) from error
    except _Wrong as wrong:
        raise PolicyError(_placed(origin, text, wrong.word, str(wrong))) from wrong
    return Policy(document, origin, hashlib.sha256(text.encode()).hexdigest()[:16])


def _check_owner(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise PolicyError(f"{path}: not a regular file")
    if found.st_uid not in (0, os.geteuid()):
        raise PolicyError(f"{path}: belongs to user id {found.st_uid}; it must belong to root or to you")
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise PolicyError(f"{path}: others may write it; run: chmod go-w {path}")


def _check(document: Document) -> None:
    limits = document.limits
    for name, value, ceiling in (
        ("max_targets", limits.max_targets, 20_000),
        ("max_partition_pct", limits.max_partition_pct, 100),
        ("per_hour", limits.per_hour, 1_000_000),
        ("max_silence_hours", limits.max_silence_hours, 24 * 365),
    ):
        if not 0 <= value <= ceiling:
            raise _Wrong(name, f"limits.{name} must be between 0 and {ceiling}")
    _check_verbs("verb", tuple(document.verb), star=False)
    for key in document.confirm:
        if not _CONFIRM_KEY.match(key):
            raise _Wrong(key, f"confirm.{key} is not low, medium, high, critical or over_N")
    for freeze in document.freeze:
        _check_verbs(f"freeze {freeze.name!r}", freeze.verbs, star=True)
        if freeze.start.tzinfo is None or freeze.end.tzinfo is None:
            raise _Wrong(freeze.name, f"freeze {freeze.name!r} needs times with a zone, like 2026-12-20T00:00:00Z")
        if freeze.start >= freeze.end:
            raise _Wrong(freeze.name, f"freeze {freeze.name!r} ends before it begins")
    _check_roles(document)
    _check_binds(document)
    _check_glass(document)


def _check_roles(document: Document) -> None:
    seen: set[str] = set()
    for role in document.role:
        if role.name in seen:
            raise _Wrong(role.name, f"role {role.name!r} is there twice")
        seen.add(role.name)
        if role.max_targets is not None and role.max_targets < 0:
            raise _Wrong("max_targets", f"role {role.name!r}: max_targets is negative")
        for rule in (*role.allow, *role.deny):
            _check_rule(role.name, rule)


def _check_rule(role: str, rule: Rule) -> None:
    _check_verbs(f"role {role!r}", rule.verbs, star=True)
    if rule.scope != "*" and not _SCOPE.match(rule.scope):
        raise _Wrong(
            rule.scope,
            f"role {role!r}: scope {rule.scope!r} is not CLUSTER/PARTITION/NAME, as in a100/*/gpu*, nor *",
        )


def _check_binds(document: Document) -> None:
    roles = {role.name for role in document.role}
    for bind in document.bind:
        if bind.role not in roles:
            raise _Wrong(bind.role, f"bind names the role {bind.role!r}, which is not defined")
        if not bind.users and not bind.groups:
            raise _Wrong(bind.role, f"bind of {bind.role!r} names neither users nor groups")
        for group in bind.groups:
            if not _GROUP.match(group):
                raise _Wrong(group, f"group {group!r} is not written unix:NAME")


def _check_glass(document: Document) -> None:
    glass = document.breakglass
    if glass is None:
        return
    _check_verbs("breakglass", glass.verbs, star=True)
    if unknown := sorted(set(glass.roles) - {role.name for role in document.role}):
        raise _Wrong(unknown[0], f"breakglass names the role {unknown[0]!r}, which is not defined")
    if not 1 <= glass.minutes <= 24 * 60:
        raise _Wrong("minutes", "breakglass.minutes must be between 1 and 1440")


def _check_verbs(where: str, names: tuple[str, ...], *, star: bool) -> None:
    for name in names:
        if name not in BY_NAME and not (star and name == "*"):
            raise _Wrong(name, f"{where}: unknown verb {name!r}; there are {', '.join(BY_NAME)}")


def _key_of(error: str) -> str:
    """The key that a validation error is about: the unknown field, else the last name of its path."""
    if found := re.search(r"unknown field `([^`]+)`", error):
        return found[1]
    names: list[str] = re.findall(r"[A-Za-z_]\w*", error.rpartition("`$")[2])
    return names[-1] if names else ""


def _placed(origin: str, text: str, word: str, why: str) -> str:
    """`file:line: why`; the line is the first that holds the word outside a comment, so it is a good guess only."""
    if word:
        pattern = re.compile(rf"(?<![\w-]){re.escape(word)}(?![\w-])")
        for number, line in enumerate(text.splitlines(), 1):
            if pattern.search(line.partition("#")[0]):
                return f"{origin}:{number}: {clean(why, limit=400)}"
    return f"{origin}: {clean(why, limit=400)}"
