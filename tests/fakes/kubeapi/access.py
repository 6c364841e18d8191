"""Who may do what: the roles and bindings among the objects, read as the RBAC authorizer reads them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .resources import CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, ROLES
from .status import Refusal, forbidden, forbidden_path
from .store import Store
from .users import User

Object = dict[str, Any]
_KINDS = (CLUSTER_ROLES, CLUSTER_ROLE_BINDINGS, ROLES, ROLE_BINDINGS)


@dataclass(frozen=True, slots=True)
class Attributes:
    """What is asked for, in the terms of RBAC. `path` is set for what is no resource."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""

    @property
    def full_resource(self) -> str:
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


@dataclass(frozen=True, slots=True)
class Grant:
    """One binding that concerns a user, with the rules of its role."""

    reason: str
    rules: tuple[Object, ...]


class Authorizer:
    """Decides by the objects as they are at the moment of asking."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen: tuple[int, ...] = ()
        self._grants: dict[tuple[User, str], list[Grant]] = {}

    def allows(self, user: User, asked: Attributes) -> tuple[bool, str]:
        """Whether, and in the words of the server because of which binding; no word for system:masters."""
        if user.is_superuser:
            return True, ""
        for grant in self.grants(user, asked.namespace):
            if any(_covers(rule, asked) for rule in grant.rules):
                return True, grant.reason
        return False, ""

    def require(self, user: User, asked: Attributes) -> None:
        """Raises the 403 that the real server sends."""
        if not self.allows(user, asked)[0]:
            raise refusal(user, asked)

    def grants(self, user: User, namespace: str) -> list[Grant]:
        """All that concern a user in a namespace, those of the cluster first."""
        with self._store.lock:
            now = tuple(self._store.shelf(kind).latest for kind in _KINDS)
            if now != self._seen:
                self._seen, self._grants = now, {}
            if (user, namespace) not in self._grants:
                self._grants[user, namespace] = list(self._find(user, namespace))
            return self._grants[user, namespace]

    def _find(self, user: User, namespace: str) -> Iterator[Grant]:
        for row in self._store.shelf(CLUSTER_ROLE_BINDINGS).rows.values():
            yield from self._grant(user, row.value, "")
        if namespace:
            for key, row in self._store.shelf(ROLE_BINDINGS).rows.items():
                if key[0] == namespace:
                    yield from self._grant(user, row.value, namespace)

    def _grant(self, user: User, binding: Object, namespace: str) -> Iterator[Grant]:
        subject = next((one for one in binding.get("subjects") or [] if _concerns(one, user, namespace)), None)
        reference = binding["roleRef"]
        in_namespace = reference["kind"] == "Role"
        key = (namespace if in_namespace else "", reference["name"])
        role = self._store.get(ROLES if in_namespace else CLUSTER_ROLES, key)
        if subject is None or role is None:
            return
        name = binding["metadata"]["name"]
        what = f'RoleBinding "{name}/{namespace}"' if namespace else f'ClusterRoleBinding "{name}"'
        who = f'{subject["kind"]} "{_subject_name(subject)}"'
        yield Grant(
            f'RBAC: allowed by {what} of {reference["kind"]} "{reference["name"]}" to {who}',
            tuple(role.value.get("rules") or ()),
        )


def refusal(user: User, asked: Attributes) -> Refusal:
    """The 403 for something asked."""
    if asked.path:
        return forbidden_path(user.name, asked.verb, asked.path)
    scope = f'in the namespace "{asked.namespace}"' if asked.namespace else "at the cluster scope"
    why = (
        f'User "{user.name}" cannot {asked.verb} resource "{asked.full_resource}" in API group "{asked.group}" {scope}'
    )
    return forbidden(asked.group, asked.resource, asked.name, why)


def _concerns(subject: Object, user: User, namespace: str) -> bool:
    match subject["kind"]:
        case "User":
            return bool(subject["name"] == user.name)
        case "Group":
            return subject["name"] in user.groups
        case _:
            return user.service_account == (subject.get("namespace") or namespace, subject["name"])


def _subject_name(subject: Object) -> str:
    if subject["kind"] == "ServiceAccount":
        return f"{subject['name']}/{subject.get('namespace', '')}"
    return str(subject["name"])


def _covers(rule: Object, asked: Attributes) -> bool:
    verbs = rule["verbs"]
    if asked.verb not in verbs and "*" not in verbs:
        return False
    if asked.path:
        return any(_path_matches(pattern, asked.path) for pattern in rule.get("nonResourceURLs") or ())
    groups, resources = rule.get("apiGroups") or (), rule.get("resources") or ()
    if asked.group not in groups and "*" not in groups:
        return False
    wildcards = ("*", f"*/{asked.subresource}") if asked.subresource else ("*",)
    if asked.full_resource not in resources and not any(one in resources for one in wildcards):
        return False
    names = rule.get("resourceNames") or ()
    return not names or asked.name in names


def _path_matches(pattern: str, path: str) -> bool:
    return path.startswith(pattern[:-1]) if pattern.endswith("*") else path == pattern
