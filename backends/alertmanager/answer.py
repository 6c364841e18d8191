"""What came back over HTTP, and what it means when it is not what was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from crashcart.backends.errors import BackendError, Denied, Malformed, Unreachable, Unsupported
from crashcart.backends.text import clean

from .options import Options


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer with any status. `ahead_seconds` is how far the clock of whoever gave it is ahead of ours."""

    name: str  # HOST:PORT of the Alertmanager
    status: int
    body: bytes
    content_type: str = ""
    location: str = ""
    ahead_seconds: float = 0.0
    seconds: float = 0.0

    @property
    def where(self) -> str:
        """Who answered, for messages."""
        return f"alertmanager {self.name}"

    @property
    def is_json(self) -> bool:
        return self.content_type.partition(";")[0].strip() in ("application/json", "text/json")

    @property
    def said(self) -> str:
        """The words of a refusal on one line: Alertmanager has three forms of them."""
        try:
            told = msgspec.json.decode(self.body) if self.body else ""
        except (msgspec.DecodeError, UnicodeDecodeError):
            told = "" if b"<" in self.body[:200] else self.body[:1000]
        if isinstance(told, dict):
            told = told.get("message", told.get("error", ""))
        return clean(told if isinstance(told, str | bytes) else "", limit=300).replace("␊", " ").strip()


def refusal(answer: Answer, options: Options) -> BackendError | None:
    """The error that an answer to a question calls for; None where it is one to read."""
    where = answer.where
    said = f": {answer.said}" if answer.said else ""
    if answer.status in (401, 403):
        return denied(answer, options)
    if 300 <= answer.status < 400:
        to = f" to {answer.location}" if answer.location else ""
        return Unsupported(f"{where} sends us elsewhere{to}: a sign-in page, or https? set url to Alertmanager itself")
    if "HTTP request to an HTTPS server" in answer.said:
        return Unsupported(f"{where} speaks TLS; write https:// in url")
    if answer.status == 404:
        return Unsupported(f"{where} answers, but is no Alertmanager (404 for its API); check url and a path in it")
    if answer.status == 429 or answer.status >= 500:
        return Unreachable(f"{where} cannot answer now (HTTP {answer.status}{said}); look at its log")
    if answer.status != 200:
        return Unsupported(
            f"{where} refuses our question (HTTP {answer.status}{said}); is it Alertmanager 0.16 or later?"
        )
    if not answer.is_json and answer.body.lstrip()[:1] not in (b"[", b"{"):
        what = "a web page" if b"<" in answer.body[:200] else answer.content_type or "something else"
        return Unsupported(f"{where} answers with {what}, so it is no Alertmanager; check url")
    return None


def denied(answer: Answer, options: Options) -> Denied:
    """Who we are is not enough: names what we said it with."""
    used = options.sign_in_from
    if not used:
        need = "no token_file or username is configured; set one"
    elif answer.status == 401:
        need = f"it does not accept {used}; check the file"
    else:
        need = f"{used} may not do this; ask whoever runs it"
    return Denied(f"{answer.where} refused us ({answer.status}): {need}")


def not_understood(answer: Answer, what: str, error: Exception) -> Malformed:
    """A body of the wrong shape."""
    return Malformed(f"{answer.where}: its {what} are not understood: {clean(str(error), limit=200)}")


def joined(errors: Sequence[BackendError]) -> BackendError:
    """One error for several; where one may come back, asking again is of use."""
    kinds = {Unreachable if isinstance(error, Unreachable) else type(error) for error in errors}
    kind = kinds.pop() if len(kinds) == 1 else Unreachable
    return kind("; ".join(str(error) for error in errors))
