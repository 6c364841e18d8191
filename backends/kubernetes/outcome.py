"""What an answer, or none, says about a change: whether it was made.

A server that refuses has changed nothing. One that fails in the middle, or a gateway before it, may have: only reading
back can tell then.
"""

from __future__ import annotations

from collections.abc import Awaitable

from crashcart.backends.contract import CommandResult
from crashcart.backends.errors import Denied
from crashcart.backends.text import clean

from .client import KubernetesClient, Reply
from .failures import NoAnswer, status_of

CHANGED = "has changed since you looked: look again"
_BEFORE_ANYTHING = ("failed calling webhook", "denied the request", "is not yet available")
_OPEN = frozenset({500, 502, 504})
"""Answers that leave open whether it was done; 503 comes from a server or gateway that does not even begin."""


def is_done(reply: Reply) -> bool:
    """Whether the server did what was asked."""
    return 200 <= reply.status < 300


async def outcome(sending: Awaitable[Reply], client: KubernetesClient, what: str) -> CommandResult:
    """How a change ended; `what` is `node gpu-0001`. Raises Unreachable when nothing was sent, Denied when nobody
    knows us."""
    try:
        reply = await sending
    except NoAnswer as error:
        return CommandResult("unknown", None, detail=str(error))
    return judged(reply, client, what)


def judged(reply: Reply, client: KubernetesClient, what: str) -> CommandResult:
    """How a change with this answer ended. Raises Denied when nobody knows us."""
    if is_done(reply):
        return CommandResult("ok", None, stdout=b"")
    if reply.status == 401:
        error = client.refusal(reply, what)
        raise error if isinstance(error, Denied) else Denied(str(error))
    said = words_of(reply)
    if reply.status == 409:
        return failed(f"{what} {CHANGED} ({said})")
    if reply.status == 429:
        return failed(f"the API server is overloaded and did nothing: {said}")
    if is_open(reply):
        return CommandResult("unknown", None, detail=f"{what}: the API server failed in the middle: {said}")
    return failed(said)


def is_open(reply: Reply) -> bool:
    """Whether this answer leaves open if anything was done."""
    return reply.status in _OPEN and not any(sign in status_of(reply.body).message for sign in _BEFORE_ANYTHING)


def failed(why: str) -> CommandResult:
    """Nothing more was done, and why."""
    return CommandResult("failed", None, detail=why)


def words_of(reply: Reply) -> str:
    """The server's own words in one line, as far as it says any."""
    said = " ".join(status_of(reply.body).message.split())
    return clean(said, limit=600) or f"answer {reply.status} without words"
