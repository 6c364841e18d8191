"""The preview of an action as lines of text."""

from __future__ import annotations

from collections.abc import Iterator

from crashcart.ops.protocol import Impact, Plan, TargetPlan


def plan_lines(plan: Plan) -> Iterator[str]:
    """What will run, whom it hits, what will undo it."""
    yield f"{plan.title} on {plan.cluster}, as {plan.actor} ({plan.role}), risk {plan.risk}"
    yield from (f"acting as {identity}" for identity in plan.acting_as)
    for warning in plan.warnings:
        yield f"! {warning}"
    for target in plan.targets:
        yield from _target_lines(target)
    yield from _impact_lines(plan.impact)
    yield f"undo: {plan.undo}"


def _target_lines(target: TargetPlan) -> Iterator[str]:
    held = f", held by {target.held_by}" if target.held_by else ""
    name = f"{target.target} ({target.name})" if target.name not in ("", target.target) else target.target
    yield f"{name}: {target.state}{held}"
    yield from (f"  $ {command}" for command in target.commands)
    yield from (f"  {note}" for note in target.notes)
    yield from (f"  ! {warning}" for warning in target.warnings)


def _impact_lines(impact: Impact) -> Iterator[str]:
    hours = "not known" if impact.gpu_hours_at_risk is None else f"{impact.gpu_hours_at_risk:.1f}"
    gpus = "not known" if impact.gpus is None else str(impact.gpus)
    yield f"hits {len(impact.jobs)} jobs of {len(impact.users)} users, {gpus} GPUs, {hours} GPU-hours at risk"
    for job in impact.jobs:
        ran = "not known" if job.elapsed_seconds is None else f"{job.elapsed_seconds / 3600:.1f} h"
        yield f"  job {job.id} {job.name} of {job.user}: {job.gpus or 'unknown'} GPUs, ran {ran}"
    yield from impact.capacity
