"""Who is at the keyboard, as this machine knows them: the name and groups that policy and audit log use."""

from __future__ import annotations

import grp
import os
import pwd
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Actor:
    """An operator; `groups` are written `unix:NAME`. `link` is where they came from over SSH."""

    user: str
    uid: int
    groups: tuple[str, ...] = ()
    link: str = ""

    def record(self) -> dict[str, str | int]:
        """The actor as the audit log keeps it."""
        return {"user": self.user, "uid": self.uid, "ssh_connection": self.link}


def current_actor() -> Actor:
    """The one this process runs as."""
    user = os_user()
    return Actor(user, os.getuid(), unix_groups(user), os.environ.get("SSH_CONNECTION", ""))


def actor_of(uid: int) -> Actor | None:
    """The operator behind a user id of this machine; None for one without a name."""
    try:
        user = pwd.getpwuid(uid).pw_name
    except KeyError:
        return None
    return Actor(user, uid, unix_groups(user))


def os_user() -> str:
    """The login name behind our user id; environment variables do not count. A user without a name is `uid-N`."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid-{os.getuid()}"


def unix_groups(user: str) -> tuple[str, ...]:
    """Groups of `user` through NSS, as the policy spells them (`unix:gpu-oncall`); none for an unknown user."""
    try:
        primary = pwd.getpwnam(user).pw_gid
        numbers = os.getgrouplist(user, primary)
    except (KeyError, OSError):
        return ()
    return tuple(f"unix:{name}" for name in map(_group_name, numbers) if name)


def _group_name(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return ""
