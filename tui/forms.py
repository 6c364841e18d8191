"""What a verb asks for before it is planned."""

from __future__ import annotations

from dataclasses import dataclass

from crashcart.ops.verbs import Verb


@dataclass(frozen=True, slots=True)
class FormField:
    """One line to fill in."""

    name: str
    label: str
    hint: str
    is_required: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """One way of doing it, as parameters."""

    title: str
    help: str
    params: dict[str, str]


REASON_FIELDS = (
    FormField("reason", "Reason", "why, for whoever finds the node next", True),
    FormField("ticket", "Ticket", "optional, e.g. INC-1234", False),
)

CHECKPOINT_CHOICES = (
    Choice("As configured", "by the site's profile, or the job's own comment", {}),
    Choice("USR1 to the batch script", "a bash trap", {"signal": "USR1", "target": "batch"}),
    Choice("USR1 to the steps", "srun programs: Lightning, most frameworks", {"signal": "USR1", "target": "steps"}),
    Choice("USR2 to the steps", "submitit", {"signal": "USR2", "target": "steps"}),
    Choice("TERM to the steps", "Megatron: saves, then exits", {"signal": "TERM", "target": "steps"}),
)


SILENCE_FIELDS = (
    FormField("reason", "Comment", "why it is quiet, for whoever wonders", True),
    FormField("duration", "For", "2h unless you say: 30m, 8h, 1d", False),
    FormField("ticket", "Incident", "optional, e.g. INC-1234", False),
)


def fields_of(verb: Verb) -> tuple[FormField, ...]:
    """Lines to fill in for a verb; none for most."""
    if verb.name in ("silence", "extend-silence"):
        return SILENCE_FIELDS
    return REASON_FIELDS if verb.needs_reason else ()


def choices_of(verb: Verb) -> tuple[Choice, ...]:
    """Ways to choose from for a verb; none for most."""
    if verb.name == "checkpoint":
        return CHECKPOINT_CHOICES
    if verb.name == "diagnose":
        from crashcart.backends.diagnostics import CHECKS

        return tuple(Choice(check.title, check.help, {"check": name}) for name, check in sorted(CHECKS.items()))
    return ()
