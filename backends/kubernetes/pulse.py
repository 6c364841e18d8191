"""Asks the API server every other second whether it is there: a frozen one looks like a quiet one to every watch."""

from __future__ import annotations

import threading

import msgspec

from crashcart.backends.errors import Unreachable
from crashcart.backends.text import clean

from .client import KubernetesClient
from .failures import NotSignedIn

READY = "/readyz"
EVERY_SECONDS = 1.5
AGAIN_SECONDS = 1.0
ANSWER_SECONDS = 5.0

DEAD_SECONDS = 10.0
"""A server that says nothing for so long is unreachable; a restart behind a load balancer is over by then."""


class Pulse(threading.Thread):
    """Keeps `client.answered` young. `complaint` is what /readyz says is wrong, `refused` that we are nobody now."""

    def __init__(self, client: KubernetesClient, stop: threading.Event) -> None:
        super().__init__(name="kubernetes pulse", daemon=True)
        self._client = client
        self._stop_asked = stop
        self._last_error: Unreachable | None = None
        self.complaint = ""
        self.version = ""
        self.refused: NotSignedIn | None = None

    def first(self) -> None:
        """Ask once, before anything else is. Raises Unreachable, Denied, Unsupported."""
        self._ask()
        if self.refused is not None:
            raise self.refused
        reply = self._client.request("GET", "/version", what="version")
        self.version = _version(reply.body) if reply.status == 200 else ""

    def run(self) -> None:
        """Ask until asked to stop."""
        pause = EVERY_SECONDS
        while not self._stop_asked.wait(pause):
            try:
                self._ask()
                pause = EVERY_SECONDS
            except Unreachable as error:
                self._last_error = error
                pause = AGAIN_SECONDS

    @property
    def death(self) -> Unreachable | None:
        """The error to end with, once the server has been silent for too long. Its watches may speak, too."""
        silent = self._client.silent_seconds
        if silent < DEAD_SECONDS:
            return None
        why = str(self._last_error) if self._last_error is not None else f"{self._client.access.where} does not answer"
        return Unreachable(f"{why}; silent for {silent:.0f} s")

    def _ask(self) -> None:
        reply = self._client.request("GET", READY, read_seconds=ANSWER_SECONDS, what="readiness")
        if reply.status == 401 and self._client.sign_in_anew():
            reply = self._client.request("GET", READY, read_seconds=ANSWER_SECONDS, what="readiness")
        if reply.status == 401:
            error = self._client.refusal(reply, "readiness")
            self.refused = error if isinstance(error, NotSignedIn) else None
            return
        self.refused = None
        self.complaint = _complaint(reply.status, reply.body)


def _complaint(status: int, body: bytes) -> str:
    """`[-]etcd failed: reason withheld` among the lines of /readyz; a refusal to tell is no complaint."""
    if status < 500:
        return ""
    lines = [line for line in body[:8192].decode("utf-8", "replace").splitlines() if line.startswith("[-]")]
    return clean("; ".join(lines) or f"/readyz answers {status}", limit=300)


class _Version(msgspec.Struct, rename="camel"):
    git_version: str = ""


def _version(body: bytes) -> str:
    """`v1.36.2`; nothing where a body is no version, which what is listed next will tell better."""
    try:
        return clean(msgspec.json.decode(body, type=_Version).git_version, limit=40)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""
