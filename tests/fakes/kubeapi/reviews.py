"""What one may do and who one is: SelfSubjectAccessReview, SelfSubjectRulesReview, SelfSubjectReview."""

from __future__ import annotations

from typing import Any

from .access import Attributes, Authorizer
from .requests import Reply, Request
from .users import User

Object = dict[str, Any]

AUTHORIZATION, AUTHENTICATION = "authorization.k8s.io", "authentication.k8s.io"
REVIEWS = {
    (AUTHORIZATION, "selfsubjectaccessreviews"): "SelfSubjectAccessReview",
    (AUTHORIZATION, "selfsubjectrulesreviews"): "SelfSubjectRulesReview",
    (AUTHENTICATION, "selfsubjectreviews"): "SelfSubjectReview",
}


class Reviews:
    """Answers for the user of the request. `rules_are_complete` is False where a webhook also has a say."""

    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer
        self.rules_are_complete = True

    def answer(self, request: Request) -> Reply:
        """201 with what was asked, and a status."""
        kind = REVIEWS[request.place.group, request.place.resource]
        spec = request.json().get("spec") or {}
        match kind:
            case "SelfSubjectAccessReview":
                status = self._access(request.user, spec)
            case "SelfSubjectRulesReview":
                status = self._rules(request.user, spec.get("namespace", ""))
            case _:
                status = {"userInfo": _user_info(request.user)}
        api_version = f"{request.place.group}/{request.place.version}"
        review = {"kind": kind, "apiVersion": api_version, "metadata": {}}
        return Reply.of(review | ({"spec": spec} if kind != "SelfSubjectReview" else {}) | {"status": status}, 201)

    def _access(self, user: User, spec: Object) -> Object:
        asked = spec.get("resourceAttributes")
        if asked is None:
            path = spec.get("nonResourceAttributes") or {}
            attributes = Attributes(path.get("verb", ""), path=path.get("path", "/"))
        else:
            keys = ("verb", "group", "resource", "subresource", "namespace", "name")
            attributes = Attributes(**{key: asked.get(key, "") for key in keys})
        allowed, reason = self._authorizer.allows(user, attributes)
        return {"allowed": allowed} | ({"reason": reason} if reason else {})

    def _rules(self, user: User, namespace: str) -> Object:
        granted: list[Object] = (
            []
            if not user.is_superuser
            else [
                {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
                {"verbs": ["*"], "nonResourceURLs": ["*"]},
            ]
        )
        granted += [rule for grant in self._authorizer.grants(user, namespace) for rule in grant.rules]
        return {
            "resourceRules": [rule for rule in granted if "nonResourceURLs" not in rule],
            "nonResourceRules": [rule for rule in granted if "nonResourceURLs" in rule],
            "incomplete": not self.rules_are_complete,
        }


def _user_info(user: User) -> Object:
    info = {"username": user.name, "uid": user.uid, "groups": list(user.groups)}
    return {key: part for key, part in info.items() if part}
