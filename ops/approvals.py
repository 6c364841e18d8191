"""What a second person agrees to: the whole plan in one spelling, so that one hash stands for it and nothing else.

The executor that asks keeps its own bytes and compares hashes: what others write into the shared directory can agree to
its plan or not, and can never change it.
"""

from __future__ import annotations

import hashlib
from typing import Any, Literal

import msgspec

from crashcart.backends.text import clean

from .protocol import Plan

EXPIRES_SECONDS = 15 * 60.0
NAMESPACE = "crashcart-approval"
"""Of the signatures: one made for mail or git agrees to nothing here."""

Verdict = Literal["approved", "denied"]


class ApprovalsUnavailable(Exception):
    """The shared directory cannot be used, or something in it is not what it should be. The text says what."""


class ApprovalRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`before` is what must not change until the action runs; times are Unix seconds."""

    plan: Plan
    before: dict[str, dict[str, Any]]
    requester: str
    uid: int
    created: float
    expires: float
    policy: str
    version: Literal[1] = 1

    @property
    def id(self) -> str:
        """The id of the action."""
        return self.plan.plan_id


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One person's word on one request. Without a signature it is only as good as the owner of its file."""

    request: str
    sha256: str
    verdict: Verdict
    user: str
    uid: int
    when: float
    signature: str = ""
    why: str = ""


class Approver(msgspec.Struct, frozen=True):
    """Who agreed. `principal` and `key` are those of a signature that was checked; empty when it was not."""

    user: str
    uid: int
    principal: str = ""
    key: str = ""

    @property
    def spoken(self) -> str:
        """`bob (signed by bob@example.org)`, or that nothing proves it."""
        return f"{self.user} (signed by {self.principal})" if self.principal else f"{self.user} (unverified)"


class Posted(msgspec.Struct, frozen=True):
    """A request as it lies in the directory, with the hash of its bytes."""

    request: ApprovalRequest
    sha256: str


_encoder = msgspec.json.Encoder(order="sorted")
_decoder = msgspec.json.Decoder(ApprovalRequest)


def spelled(request: ApprovalRequest) -> bytes:
    """The one spelling of a request; a whole number where hours are meant is spelled as hours are."""
    return _encoder.encode(_decoder.decode(_encoder.encode(request)))


def sha256_of(raw: bytes) -> str:
    """The hash that stands for a request."""
    return hashlib.sha256(raw).hexdigest()


def posted_of(raw: bytes) -> Posted:
    """Read a request, with everything in it cleaned for the screen. Raises ApprovalsUnavailable on another spelling."""
    try:
        request = _decoder.decode(raw)
    except msgspec.DecodeError as error:
        raise ApprovalsUnavailable(f"not a request: {clean(str(error), limit=200)}") from error
    if spelled(request) != raw:
        raise ApprovalsUnavailable("the request is not spelled as crashcart spells it")
    shown = msgspec.convert(_cleaned(msgspec.to_builtins(request)), ApprovalRequest)
    return Posted(shown, sha256_of(raw))


def signed_text(request_id: str, sha256: str) -> bytes:
    """What an approver signs."""
    return f"{NAMESPACE} 1\nrequest {request_id}\nsha256 {sha256}\napproved\n".encode()


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(key): _cleaned(one) for key, one in value.items()}
    return [_cleaned(one) for one in value] if isinstance(value, list | tuple) else value
