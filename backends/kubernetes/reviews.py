"""Asks the API server who we are to it and what it lets us do, in its own words where it has any."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from crashcart.backends.errors import Unsupported
from crashcart.backends.text import clean

from .asking import Asking, decoded
from .outcome import is_done

_ACCESS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_SELF = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
_NAMED_GROUPS = 6


class Right(NamedTuple):
    """One thing to be allowed: `patch nodes`, `create pods/eviction in train`."""

    verb: str
    resource: str  # nodes, pods/eviction
    group: str = ""
    namespace: str = ""
    name: str = ""

    def refusal(self, user: str) -> str:
        """What the server would answer to `user` who has not got it."""
        where = f'in the namespace "{self.namespace}"' if self.namespace else "at the cluster scope"
        return f'User "{user}" cannot {self.verb} resource "{self.resource}" in API group "{self.group}" {where}'


class UserInfo(msgspec.Struct, gc=False):
    username: str = ""
    groups: tuple[str, ...] = ()


class SelfStatus(msgspec.Struct, gc=False, rename="camel"):
    user_info: UserInfo = msgspec.field(default_factory=UserInfo)


class SelfReview(msgspec.Struct, gc=False):
    status: SelfStatus = msgspec.field(default_factory=SelfStatus)


class AccessStatus(msgspec.Struct, gc=False, rename="camel"):
    allowed: bool = False
    reason: str = ""
    evaluation_error: str = ""


class AccessReview(msgspec.Struct, gc=False):
    status: AccessStatus = msgspec.field(default_factory=AccessStatus)


async def myself(asking: Asking) -> UserInfo:
    """Who we are. Raises Unreachable, Denied, Unsupported, Malformed."""
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    try:
        told = await _review(asking, _SELF, body, "who we are")
    except Unsupported:  # older than 1.28
        return UserInfo(asking.client.access.who)
    found = decoded(SelfReview, told, "who we are").status.user_info
    return UserInfo(clean(found.username, limit=200), tuple(clean(group, limit=120) for group in found.groups))


def introduced(user: UserInfo) -> str:
    """`oncall (groups: oncall, system:authenticated)`."""
    named = ", ".join(user.groups[:_NAMED_GROUPS])
    more = f" and {len(user.groups) - _NAMED_GROUPS} more" if len(user.groups) > _NAMED_GROUPS else ""
    return f"{user.username or 'nobody'} (groups: {named}{more})" if named else user.username or "nobody"


async def first_refusal(asking: Asking, rights: Sequence[Right]) -> str | None:
    """Why the server would refuse the first of these that we have not got; None when we have all. Raises like
    `myself`."""
    for right in rights:
        status = await _asked(asking, right)
        if not status.allowed:
            said = clean(" ".join((status.reason or status.evaluation_error).split()), limit=300)
            why = right.refusal((await myself(asking)).username)
            return f"{why}: {said}" if said else why
    return None


async def _asked(asking: Asking, right: Right) -> AccessStatus:
    resource, _, subresource = right.resource.partition("/")
    wanted = {
        "verb": right.verb, "group": right.group, "resource": resource, "subresource": subresource,
        "namespace": right.namespace, "name": right.name,
    }  # fmt: skip
    spec = {"resourceAttributes": {key: value for key, value in wanted.items() if value}}
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": spec}
    what = f"whether we may {right.verb} {right.resource}"
    return decoded(AccessReview, await _review(asking, _ACCESS, body, what), what).status


async def _review(asking: Asking, path: str, body: dict[str, Any], what: str) -> bytes:
    reply = await asking.post(path, body, what=what)
    if not is_done(reply):
        raise asking.client.refusal(reply, what)
    return reply.body
