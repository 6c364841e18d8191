"""What an API server says when it says no, and the error that this calls for.

Its words are the best that there are: `pods is forbidden: User "viewer" cannot ...` goes to the operator as it is.
"""

from __future__ import annotations

import re

import msgspec

from crashcart.backends.errors import BackendError, Denied, Malformed, Unreachable, Unsupported
from crashcart.backends.text import clean

_EXCERPT = 240
_TAGS = re.compile(r"<[^>]*>")


class NotSent(Unreachable):
    """The request never left: nothing can have been done."""


class NoAnswer(Unreachable):
    """The request may have arrived and been done, though no answer came."""


class NotSignedIn(Denied):
    """The server does not know us: no other question would do better."""


class Expired(Unreachable):
    """The version that was asked for is too old: everything must be listed anew."""


class Cause(msgspec.Struct, frozen=True):
    """One cause in a Status: `DisruptionBudget` says which budget blocks."""

    reason: str = ""
    message: str = ""


class Details(msgspec.Struct, frozen=True, rename="camel"):
    """What a Status is about."""

    name: str = ""
    kind: str = ""
    causes: tuple[Cause, ...] = ()
    retry_after_seconds: int | None = None


class Status(msgspec.Struct, frozen=True):
    """The body of an answer that is not an object: mostly a refusal."""

    kind: str = ""
    status: str = ""  # Success, Failure
    message: str = ""
    reason: str = ""
    code: int = 0
    details: Details = Details()


_decode = msgspec.json.Decoder(Status).decode


def status_of(body: bytes) -> Status:
    """The Status in a body; a proxy's page or plain text becomes its message."""
    try:
        status = _decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        text = _TAGS.sub(" ", body[:2048].decode("utf-8", "replace"))
        return Status(message=clean(" ".join(text.split()), limit=_EXCERPT))
    return msgspec.structs.replace(status, message=clean(status.message, limit=1024))


def failure(code: int, body: bytes, *, what: str, where: str, who: str) -> BackendError:
    """The error for an answer that is not 2xx; `what` was asked (`nodes`), `who` are we by which file."""
    said = status_of(body).message
    if code == 401:
        return NotSignedIn(
            f"{where} does not accept {who} (401 {said or 'Unauthorized'}); sign in anew or renew the token"
        )
    if code == 403:
        return Denied(f"{what}: {said or 'forbidden (403)'}")
    if code == 404:
        return Unsupported(f"{what}: {where} has no such resource ({said or '404'})")
    if code == 410:
        return Expired(f"{what}: {said}")
    if code == 429:
        return Unreachable(f"{what}: {where} is overloaded (429 {said})")
    if code >= 500:
        return Unreachable(f"{what}: {where} answers {code}: {said or 'without words'}")
    return Malformed(f"{what}: {where} answers {code}: {said or 'without words'}; is it an API server?")


_CONNECTION = (
    (
        "CERTIFICATE_VERIFY_FAILED",
        "its certificate is not trusted; check certificate-authority of the cluster in {file}",
    ),
    ("Hostname mismatch", "its certificate is for another name; check server and tls-server-name in {file}"),
    ("IP address mismatch", "its certificate is for another name; check server and tls-server-name in {file}"),
    ("certificate required", "it wants a certificate of ours; check client-certificate of the user in {file}"),
    ("certificate expired", "our certificate has expired; renew client-certificate of the user in {file}"),
    ("bad certificate", "it does not accept our certificate; check client-certificate of the user in {file}"),
    ("Name or service not known", "no such host; check server in {file} and DNS"),
    ("No address associated", "no such host; check server in {file} and DNS"),
    ("Temporary failure in name", "DNS does not answer; check the resolver of this machine"),
    ("Failed to resolve", "no such host; check server in {file} and DNS"),
    ("Connection refused", "nothing listens there (connection refused); check the API server, or server in {file}"),
    ("No route to host", "no route to host; check the network or VPN"),
    ("Network is unreachable", "the network is unreachable from here; check the network or VPN"),
    ("WRONG_VERSION_NUMBER", "it does not speak TLS; check server in {file}"),
)
"""What the layers below say of a connection that failed, and the line for it; "Hostname mismatch" comes inside the
first, so the most telling of those that fit is taken, the last of TLS and the first of the others."""


def unreachable(error: Exception, *, what: str, where: str, file: str, sent: bool) -> Unreachable:
    """The error for a connection that failed; `sent` when the request may have arrived."""
    kind = NoAnswer if sent else NotSent
    said = str(error)
    fitting = [line for sign, line in _CONNECTION if sign in said]
    if fitting:
        return kind(f"{where}: {fitting[-1].format(file=file)}")
    if "timed out" in said.lower():
        return kind(f"{where} does not answer ({what} timed out)")
    return kind(f"{where}: the connection broke at {what}: {clean(said, limit=_EXCERPT)}")
