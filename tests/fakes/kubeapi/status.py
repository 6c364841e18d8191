"""What an API server says when it refuses: Status bodies, word for word as a Kubernetes 1.36 sent them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Object = dict[str, Any]


@dataclass
class Refusal(Exception):
    """An answer that is not the one asked for. `text` replaces the Status where the real server sends plain text."""

    code: int
    message: str
    reason: str = ""
    details: Object | None = None
    headers: dict[str, str] = field(default_factory=dict)
    text: str | None = None

    def body(self) -> Object:
        """The Status, with `reason` and `details` left out where the server leaves them out."""
        status: Object = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
        status["message"] = self.message
        if self.reason:
            status["reason"] = self.reason
        if self.details is not None:
            status["details"] = self.details
        status["code"] = self.code
        return status


def success(details: Object | None = None, code: int = 0) -> Object:
    """The Status of something done; some of them name their code."""
    status: Object = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    return status | ({"details": details} if details else {}) | ({"code": code} if code else {})


def qualified(group: str, resource: str) -> str:
    """`jobs.batch`, `nodes`."""
    return f"{resource}.{group}" if group else resource


def details_of(group: str, kind: str, name: str = "") -> Object:
    """Who is meant: keys without a value are absent."""
    return {key: value for key, value in (("name", name), ("group", group), ("kind", kind)) if value}


def not_found(group: str, resource: str, name: str) -> Refusal:
    message = f'{qualified(group, resource)} "{name}" not found'
    return Refusal(404, message, "NotFound", details_of(group, resource, name))


def no_such_page() -> Refusal:
    """An address that no API serves, such as one of a CRD that is not installed."""
    return Refusal(404, "404 page not found", text="404 page not found\n")


def already_exists(group: str, resource: str, name: str) -> Refusal:
    message = f'{qualified(group, resource)} "{name}" already exists'
    return Refusal(409, message, "AlreadyExists", details_of(group, resource, name))


def conflict(group: str, resource: str, name: str, why: str = "") -> Refusal:
    why = why or "the object has been modified; please apply your changes to the latest version and try again"
    message = f'Operation cannot be fulfilled on {qualified(group, resource)} "{name}": {why}'
    return Refusal(409, message, "Conflict", details_of(group, resource, name))


def bad_request(message: str) -> Refusal:
    return Refusal(400, message, "BadRequest")


def unauthorized() -> Refusal:
    return Refusal(401, "Unauthorized", "Unauthorized")


def forbidden(group: str, resource: str, name: str, why: str) -> Refusal:
    what = qualified(group, resource)
    subject = f'{what} "{name}"' if name else what
    return Refusal(403, f"{subject} is forbidden: {why}", "Forbidden", details_of(group, resource, name))


def forbidden_path(user: str, verb: str, path: str) -> Refusal:
    return Refusal(403, f'forbidden: User "{user}" cannot {verb} path "{path}"', "Forbidden", {})


def invalid(group: str, kind: str, name: str, faults: list[tuple[str, str, str]]) -> Refusal:
    """422; `faults` are field, cause (`FieldValueInvalid`) and text after the field's name."""
    texts = [f"{where}: {text}" for where, _, text in faults]
    said = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    causes = [{"reason": cause, "message": text, "field": where} for where, cause, text in faults]
    details = details_of(group, kind, name) | {"causes": causes}
    return Refusal(422, f'{qualified(group, kind)} "{name}" is invalid: {said}', "Invalid", details)


def expired_version(asked: int, oldest: int) -> Refusal:
    return Refusal(410, f"too old resource version: {asked} ({oldest})", "Expired")


def expired_continue() -> Refusal:
    message = (
        "The provided continue parameter is too old to display a consistent list result. You can start a new list "
        "without the continue parameter, or use the continue token in this response to retrieve the remainder of the "
        "results. Continuing with the provided token results in an inconsistent list - objects that were created, "
        "modified, or deleted between the time the first chunk was returned and now may show up in the list."
    )
    return Refusal(410, message, "Expired")


def too_large_version(asked: int, current: int) -> Refusal:
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    message = f"Timeout: Too large resource version: {asked}, current: {current}"
    return Refusal(504, message, "Timeout", {"causes": [cause], "retryAfterSeconds": 1}, {"Retry-After": "1"})


def budget_exhausted(budget: str, needs: int, has: int) -> Refusal:
    cause = f"The disruption budget {budget} needs {needs} healthy pods and has {has} currently"
    return _over_budget(cause, {}, {})


def budget_not_observed(budget: str) -> Refusal:
    cause = f"The disruption budget {budget} is still being processed by the server."
    return _over_budget(cause, {"retryAfterSeconds": 10}, {"Retry-After": "10"})


def _over_budget(cause: str, more: Object, headers: dict[str, str]) -> Refusal:
    details = {"causes": [{"reason": "DisruptionBudget", "message": cause}], **more}
    message = "Cannot evict pod as it would violate the pod's disruption budget."
    return Refusal(429, message, "TooManyRequests", details, headers)


def two_budgets() -> Refusal:
    message = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
    return Refusal(500, message)


def too_many_requests() -> Refusal:
    """What API priority and fairness answers: no Status at all."""
    said = "Too many requests, please try again later."
    return Refusal(429, said, headers={"Retry-After": "1"}, text=f"{said}\n")


def internal_error(why: str) -> Refusal:
    details = {"causes": [{"message": why}]}
    return Refusal(500, f"Internal error occurred: {why}", "InternalError", details)


def unavailable() -> Refusal:
    return Refusal(503, "the server is currently unable to handle the request", "ServiceUnavailable")


def unsupported_media(accepted: list[str]) -> Refusal:
    said = f"the body of the request was in an unknown format - accepted media types include: {', '.join(accepted)}"
    return Refusal(415, said, "UnsupportedMediaType", {})


def method_not_allowed() -> Refusal:
    said = "the server does not allow this method on the requested resource"
    return Refusal(405, said, "MethodNotAllowed", {})
