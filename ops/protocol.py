"""What cockpit and executor say to each other: one JSON object a line, over a socket the cockpit inherits to its child.

The cockpit can only ask: plan this, I confirm that, stop. What is allowed, what runs and how it ended is decided and
recorded in the executor, which lives on when the cockpit's side closes.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from .verbs import TargetKind

ActionState = Literal[
    "PLANNED",
    "CONFIRMED",
    "RUNNING",
    "VERIFYING",
    "VERIFIED",
    "FAILED",
    "UNKNOWN",
    "PARTIAL",
    "CANCELLED",
    "EXPIRED",
]
ConfirmKind = Literal["key", "type-name", "type-count", "second-person"]
RefusalCode = Literal["policy", "usage", "unavailable", "unreachable", "expired", "confirmation", "approval", "audit"]


class TargetPlan(msgspec.Struct, frozen=True):
    """What will happen to one target. `second_confirmation` is set when somebody else holds it."""

    target: str
    commands: tuple[str, ...]
    state: str = ""  # as it is now, in words
    name: str = ""  # how people call it, where its own name is a number
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    held_by: str | None = None


class JobHit(msgspec.Struct, frozen=True):
    """A job that the action touches."""

    id: str
    name: str
    user: str
    gpus: int | None
    elapsed_seconds: float | None
    since_checkpoint_seconds: float | None
    nodes: int | None


class Impact(msgspec.Struct, frozen=True):
    """Who is hurt. None is "not known", never zero."""

    jobs: tuple[JobHit, ...] = ()
    users: tuple[str, ...] = ()
    gpus: int | None = None
    gpu_hours_at_risk: float | None = None
    capacity: tuple[str, ...] = ()  # one line a partition: "train: 58 of 64 nodes stay in service (91 %)"


class Confirmation(msgspec.Struct, frozen=True):
    """What the operator must type: `expect` exactly, or `y` when kind is `key`.

    With `second-person` it becomes a request after that, which somebody else must agree to.
    """

    kind: ConfirmKind
    expect: str
    prompt: str
    foreign: str | None = None  # a second line to type, when somebody else's drain would be overridden


class Plan(msgspec.Struct, frozen=True):
    """The preview of an action: everything that the confirmation shows."""

    plan_id: str
    verb: str
    title: str
    cluster: str
    actor: str
    role: str
    risk: str
    reason: str
    params: dict[str, str]
    targets: tuple[TargetPlan, ...]
    impact: Impact
    confirmation: Confirmation
    undo: str
    warnings: tuple[str, ...] = ()
    expires_in_seconds: float = 60.0
    kind: TargetKind = "node"
    acting_as: tuple[str, ...] = ()  # who the clusters take the operator for: "kubernetes: oncall (...)"
    break_glass: str = ""  # the incident that replaces the second person and freezes
    undoes: str = ""  # id of the action that this one takes back


class TargetResult(msgspec.Struct, frozen=True):
    """How it ended for one target; `seen` is what was read back."""

    target: str
    state: ActionState
    detail: str = ""
    seen: str = ""
    output: str = ""
    saved: str | None = None  # path of saved output, for diagnostics and recordings


# cockpit -> executor


class PlanRequest(msgspec.Struct, frozen=True, tag="plan"):
    """`kind` is what the targets are; without it, what the verb is mostly about."""

    request_id: str
    cluster: str
    verb: str
    targets: tuple[str, ...]
    params: dict[str, str] = {}
    kind: TargetKind | None = None


class ConfirmRequest(msgspec.Struct, frozen=True, tag="confirm"):
    plan_id: str
    typed: str
    foreign_typed: str = ""


class CancelRequest(msgspec.Struct, frozen=True, tag="cancel"):
    """Forget a plan, or start no more targets of a running action. What runs, runs to its end."""

    plan_id: str


class ShellInput(msgspec.Struct, frozen=True, tag="shell-input"):
    plan_id: str
    data: bytes


class ShellResize(msgspec.Struct, frozen=True, tag="shell-resize"):
    plan_id: str
    columns: int
    rows: int


class OpenActionsRequest(msgspec.Struct, frozen=True, tag="open-actions"):
    """Ask for actions whose record has no end: they are UNKNOWN until reconciled."""

    request_id: str


class UndoRequest(msgspec.Struct, frozen=True, tag="undo"):
    """Ask for the preview that takes an action back: the one named, or the operator's own last one."""

    request_id: str
    action_id: str = ""


class AnswerRequest(msgspec.Struct, frozen=True, tag="answer"):
    """Agree to another operator's request, or deny it; `sha256` is the hash of what was shown."""

    request_id: str
    approval_id: str
    sha256: str
    verdict: Literal["approved", "denied"]
    why: str = ""


Request = (
    PlanRequest
    | ConfirmRequest
    | CancelRequest
    | ShellInput
    | ShellResize
    | OpenActionsRequest
    | UndoRequest
    | AnswerRequest
)


# executor -> cockpit


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    pid: int
    actor: str
    policy: str  # where the policy came from, in words


class Planned(msgspec.Struct, frozen=True, tag="planned"):
    request_id: str
    plan: Plan


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """Nothing was done. `request_id` is the request's or the plan's id."""

    request_id: str
    code: RefusalCode
    why: str
    gates: tuple[str, ...] = ()


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    plan_id: str
    target: str
    state: ActionState
    detail: str = ""


class Finished(msgspec.Struct, frozen=True, tag="finished"):
    plan_id: str
    verb: str
    state: ActionState
    results: tuple[TargetResult, ...]


class ShellOutput(msgspec.Struct, frozen=True, tag="shell-output"):
    plan_id: str
    data: bytes


class OpenAction(msgspec.Struct, frozen=True):
    """An action that the audit log does not see ended."""

    action_id: str
    verb: str
    cluster: str
    targets: tuple[str, ...]
    actor: str
    when: float
    state: ActionState


class OpenActions(msgspec.Struct, frozen=True, tag="open-actions"):
    request_id: str
    actions: tuple[OpenAction, ...]


class Answered(msgspec.Struct, frozen=True, tag="answered"):
    """The answer lies in the shared directory; `note` says how good it is."""

    request_id: str
    note: str


Reply = Ready | Planned | Refused | Progress | Finished | ShellOutput | OpenActions | Answered

LINE_LIMIT = 16 << 20
"""Bytes of one line; a longer one ends the link."""

encode_line = msgspec.json.Encoder().encode
decode_request = msgspec.json.Decoder(Request).decode
decode_reply = msgspec.json.Decoder(Reply).decode
