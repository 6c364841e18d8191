"""What the API server says to an eviction: two very different refusals are both 429, one that never passes is 500."""

from __future__ import annotations

import re
from typing import Any, Literal, NamedTuple

from crashcart.backends.text import clean

from .client import Reply
from .failures import Status, status_of
from .outcome import is_done, is_open, words_of

BLOCKED_SECONDS = 5.0
"""How long to wait before a pod that a budget blocks is tried again, where the server names no time."""

_LONGEST_SECONDS = 60.0
_BUDGET = re.compile(r"The disruption budget (\S+) (.*?)( currently)?\.?\Z", re.DOTALL)

Outcome = Literal["evicts", "gone", "blocked", "busy", "refused", "open"]
"""`busy`: the server had no time and did nothing. `open`: it may be under way."""


class Answer(NamedTuple):
    """One answer to one eviction; `why` is for people, after `again_seconds` it may be asked again."""

    outcome: Outcome
    why: str = ""
    again_seconds: float | None = None


def eviction(name: str, uid: str, *, is_dry: bool) -> dict[str, Any]:
    """The request: this very pod, not one of the same name that its controller has made since."""
    options: dict[str, Any] = {"dryRun": ["All"]} if is_dry else {}
    if uid:
        options["preconditions"] = {"uid": uid}
    return {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": name},
        "deleteOptions": options,
    }


def answer_of(reply: Reply) -> Answer:
    """What the reply means for the pod."""
    if is_done(reply):
        return Answer("evicts")
    status = status_of(reply.body)
    if reply.status == 404 or (reply.status == 409 and "UID" in status.message):
        return Answer("gone")
    if reply.status == 429:
        wait = _wait_seconds(reply, status)
        budgets = [cause.message for cause in status.details.causes if cause.reason == "DisruptionBudget"]
        if budgets:
            return Answer("blocked", "; ".join(map(_budget, budgets)), BLOCKED_SECONDS if wait is None else wait)
        return Answer("busy", f"the API server is overloaded: {words_of(reply)}", 1.0 if wait is None else wait)
    if is_open(reply) and "PodDisruptionBudget" not in status.message:
        return Answer("open", words_of(reply))
    return Answer("refused", words_of(reply))


def _budget(message: str) -> str:
    """`budget llm-002 needs 63 healthy pods and has 63`."""
    text = " ".join(message.split())
    match = _BUDGET.match(text)
    return clean(f"budget {match[1]} {match[2]}" if match else text, limit=240)


def _wait_seconds(reply: Reply, status: Status) -> float | None:
    told = status.details.retry_after_seconds
    if told is None:
        header = reply.headers.get("Retry-After", "")
        told = int(header) if header.isdecimal() and len(header) < 6 else None
    return None if told is None else min(max(float(told), 1.0), _LONGEST_SECONDS)
