"""A plan in lines: what will run, on what, whom it hits, what would be lost, what will undo it."""

from __future__ import annotations

from crashcart.ops.protocol import Impact, JobHit, Plan, TargetPlan, TargetResult

from . import words
from .cells import Span, fit
from .pages.page import columns, wrapped
from .states import action_mark

LABEL = 11
UNTOLD_PARAMS = frozenset(("reason", "term", "columns", "rows", "until"))
"""The reason has a line of its own, a terminal's size tells nobody anything, and an end is told with its target."""

QUIETING = frozenset(("silence", "extend-silence", "expire-silence"))
"""Verbs that hit no job."""

Line = tuple[Span, ...]
RISK_ROLES = {"low": "ok", "medium": "warn", "high": "crit", "critical": "crit"}


def preview_lines(plan: Plan, width: int) -> list[Line]:
    """The whole preview in `width` cells."""
    lines: list[Line] = []
    for warning in plan.warnings:
        lines += _labelled("Warning", f"! {warning}", width, "warn")
    if plan.reason:
        lines += _labelled("Reason", plan.reason, width)
    for identity in plan.acting_as:
        lines += _labelled("Acting as", identity, width)
    for name, value in plan.params.items():
        if name not in UNTOLD_PARAMS:
            lines += _labelled(name.capitalize(), value, width)
    if plan.kind in ("node", "job") and plan.verb not in QUIETING:
        lines += _impact(plan.impact, width)
    for line in plan.impact.capacity:
        lines += _labelled("Stays" if not line else "Capacity", line, width)
    if plan.undo:
        lines += _labelled("Undo", plan.undo, width)
    lines.append(())
    lines.append((("Runs on ", "title"), (words.plural(len(plan.targets), "target"), "muted")))
    for target in plan.targets:
        lines += _target(target, width)
    return lines


def _labelled(label: str, text: str, width: int, role: str = "text") -> list[Line]:
    shown = wrapped(text, max(20, width - LABEL))
    return [((fit(label if index == 0 else "", LABEL), "muted"), (line, role)) for index, line in enumerate(shown)]


def _impact(impact: Impact, width: int) -> list[Line]:
    if not impact.jobs:
        lines = _labelled(
            "Hits", "no running job" if impact.gpus == 0 or impact.gpus is not None else "no job that is known", width
        )
    else:
        users = ", ".join(impact.users)
        gpus = words.counted(impact.gpus, "GPU")
        lines = _labelled("Hits", f"{words.plural(len(impact.jobs), 'job')}, {gpus}, of {users}", width, "warn")
    if impact.gpu_hours_at_risk is not None and impact.gpu_hours_at_risk > 0:
        lines += _labelled(
            "At risk", f"{impact.gpu_hours_at_risk:,.1f} GPU-hours since the last checkpoints", width, "crit"
        )
    elif impact.gpu_hours_at_risk is None and impact.jobs:
        lines += _labelled("At risk", "not known: no checkpoint age", width, "unknown")
    lines += [_job(job) for job in impact.jobs]
    return lines


def _job(job: JobHit) -> Line:
    return (
        ("  ", "muted"),
        *columns(((job.id, 8, "strong"), (job.name, 16, "text"), (job.user, 8, "muted"))),
        *columns(((words.counted(job.gpus, "GPU"), 8, "text"), (f"runs {words.age(job.elapsed_seconds)}", 10, "text"))),
        (f"ckpt {words.age(job.since_checkpoint_seconds)}", "muted"),
    )


def _target(target: TargetPlan, width: int) -> list[Line]:
    lines: list[Line] = [((f"{target.name or target.target}  ", "strong"), (target.state, "muted"))]
    if target.held_by:
        first, *rest = wrapped(target.held_by, max(20, width - 12))
        lines.append((("  held by ", "warn"), (first, "warn")))
        lines += [(("          ", "warn"), (line, "warn")) for line in rest]
    for command in target.commands:
        first, *rest = wrapped(command, max(20, width - 4))
        lines.append((("  $ ", "accent"), (first, "text")))
        lines += [(("    ", "text"), (line, "text")) for line in rest]
    for warning in target.warnings:
        first, *rest = wrapped(warning, max(20, width - 4))
        lines.append(((f"  ! {first}", "warn"),))
        lines += [((f"    {line}", "warn"),) for line in rest]
    for note in target.notes:
        lines += [((f"    {line}", "muted"),) for line in wrapped(note, max(20, width - 4))]
    return lines


def result_line(result: TargetResult) -> Line:
    """How it ended, or goes, for one target."""
    glyph, role = action_mark(result.state)
    said = result.seen if result.seen and result.seen != result.detail else ""
    return (
        *columns(((result.target, 16, "strong"), (f"{glyph} {result.state.lower()}", 12, role))),
        (result.detail, "text"),
        (f"  read back: {said}" if said else "", "muted"),
    )
