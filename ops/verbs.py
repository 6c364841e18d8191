"""The verbs, declared once: command line, action menu, palette, policy and README read this table."""

from __future__ import annotations

from typing import Literal

import msgspec

Risk = Literal["low", "medium", "high", "critical"]
TargetKind = Literal["node", "job", "rack", "alert", "silence"]


class Verb(msgspec.Struct, frozen=True):
    """One verb. `key` is its second key behind `x`; an idempotent verb may be retried by the Runner.

    `target` is the kind that is meant when nothing else is said, `also` are other kinds that it takes,
    `alias` is another word for it.
    """

    name: str
    title: str
    key: str
    target: TargetKind
    risk: Risk
    idempotent: bool
    needs_reason: bool
    help: str
    reads_only: bool = False
    also: tuple[TargetKind, ...] = ()
    alias: str = ""

    def takes(self, kind: str) -> bool:
        """Whether things of this kind can be its targets."""
        return kind == self.target or kind in self.also


VERBS: tuple[Verb, ...] = (
    Verb("drain", "Drain", "d", "node", "medium", True, True, "No new work on the node; pods are moved, jobs go on."),
    Verb("cordon", "Cordon", "n", "node", "medium", True, True, "No new work on the node; all that runs goes on."),
    Verb("resume", "Resume", "r", "node", "medium", True, False, "Take the node back into service.", alias="uncordon"),
    Verb(
        "reboot",
        "Reboot",
        "b",
        "node",
        "critical",
        False,
        True,
        "Reboot when the node is empty, then resume it.",
    ),
    Verb("requeue", "Requeue", "q", "job", "high", False, False, "Stop the job and put it back into the queue."),
    Verb(
        "requeue-hold",
        "Requeue and hold",
        "Q",
        "job",
        "high",
        False,
        False,
        "Requeue, and keep it from starting.",
    ),
    Verb("hold", "Hold", "h", "job", "low", True, False, "Keep a waiting job from starting."),
    Verb("release", "Release", "l", "job", "low", True, False, "Let a held job start again."),
    Verb("cancel", "Cancel", "c", "job", "high", True, False, "End the job for good."),
    Verb(
        "checkpoint",
        "Checkpoint",
        "k",
        "job",
        "medium",
        False,
        False,
        "Ask the job to save itself; prove it did.",
    ),
    Verb("shell", "Shell", "t", "node", "high", False, False, "Open a recorded terminal on the node."),
    Verb(
        "diagnose",
        "Diagnose",
        "i",
        "node",
        "low",
        True,
        False,
        "Run a read-only check, save what it says.",
        True,
    ),
    Verb("logs", "Logs", "o", "job", "low", True, False, "Read the last lines that the job printed.", True),
    Verb(
        "silence",
        "Silence",
        "s",
        "alert",
        "medium",
        False,
        True,
        "Keep alerts quiet for a while; they go on firing.",
        also=("node", "rack", "job", "silence"),
    ),
    Verb(
        "extend-silence", "Extend silence", "w", "silence", "low", True, True, "Move the end of a silence, from now on."
    ),
    Verb("expire-silence", "Expire silence", "e", "silence", "low", True, False, "End a silence now."),
)

BY_NAME: dict[str, Verb] = {verb.name: verb for verb in VERBS}
BY_WORD: dict[str, Verb] = BY_NAME | {verb.alias: verb for verb in VERBS if verb.alias}
"""By what people type."""
