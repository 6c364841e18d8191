"""What an answer means that is none: in one line for an operator, what, where, and the next step."""

from __future__ import annotations

import re

import msgspec

from crashcart.backends.errors import BackendError, Denied, Malformed, Unreachable, Unsupported
from crashcart.backends.text import clean

_TAGS = re.compile(r"<[^>]*>")
_TITLE = re.compile(r"<title[^>]*>([^<]{1,200})", re.IGNORECASE)
_EXCERPT = 200


class QueryRefused(Unsupported):
    """The server is well and will not answer this one query: too expensive for its limits, or not of its version."""


class WrongShape(Malformed):
    """JSON, and not the JSON that was asked for."""


class ApiError(msgspec.Struct):
    """The body of an error."""

    error: str = ""
    error_type: str = msgspec.field(name="errorType", default="")


_decode_error = msgspec.json.Decoder(ApiError).decode


def refused(status: int, body: bytes, *, where: str, what: str, sign_in: str, location: str = "") -> BackendError:
    """The error that an HTTP status other than 200 calls for."""
    said = told(body)
    if status in (401, 403):
        used = f"it does not accept {sign_in}" if sign_in else "no token_file or username is configured"
        return Denied(f"{where} refused us ({status}): {used}; check it, and what it may read{_after(said)}")
    if 300 <= status < 400:
        return no_prometheus(where, f"it sends us on to {clean(location, limit=_EXCERPT) or 'another page'}")
    if status == 400 and "HTTPS server" in said:
        return no_prometheus(where, "it speaks TLS; write https:// in url")
    if status == 405:
        return no_prometheus(where, f"{what} takes no POST (405), or a proxy before it lets none pass")
    if status in (404, 410):
        return no_prometheus(where, f"{what} is answered with {status}")
    if status in (400, 422):
        return QueryRefused(f"{where} does not answer {what} ({status}): {said or 'no reason given'}")
    if status == 429:
        return Unreachable(f"{where} asks for fewer requests (429){_after(said)}; raise interval_seconds")
    return Unreachable(f"{where} answered {status} to {what}: {said or 'no reason given'}; look at its log")


def no_prometheus(where: str, why: str) -> Unsupported:
    """Something answers at the address, and it is another program."""
    return Unsupported(f"{where} answers, but is no Prometheus: {why}; check url")


def not_json(body: bytes, *, where: str, what: str, reason: str) -> BackendError:
    """The error for a reply of status 200 that cannot be decoded."""
    start = body[:64].lstrip()
    if not start:
        return no_prometheus(where, f"its answer to {what} is empty")
    if start[:1] == b"<":
        return no_prometheus(where, f"its answer to {what} is a web page ({told(body) or 'without a title'})")
    if start[:1] not in (b"{", b"["):
        return no_prometheus(where, f"its answer to {what} is not JSON: {told(body)}")
    if "truncated" in reason:
        return Malformed(f"{where}: the answer to {what} breaks off after {len(body)} bytes; look for a proxy between")
    return WrongShape(f"{where}: the answer to {what} has an unknown shape: {clean(reason, limit=_EXCERPT)}")


def told(body: bytes) -> str:
    """What an error body says: the `error` of Prometheus, the title of a web page, or its first words."""
    try:
        found = _decode_error(body)
        return clean(found.error, limit=_EXCERPT)
    except msgspec.MsgspecError:
        pass
    text = body[:4096].decode("utf-8", "replace")
    title = _TITLE.search(text)
    words = title.group(1) if title else _TAGS.sub(" ", text)
    return clean(" ".join(words.split()), limit=_EXCERPT)


def _after(said: str) -> str:
    return f" (it says: {said})" if said else ""
