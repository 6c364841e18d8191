"""What Slurm's terse refusals mean, and which failures are none: an answer that never came is `unknown`."""

from __future__ import annotations

import msgspec

from crashcart.backends.contract import Change, CommandResult
from crashcart.backends.errors import Denied

from .client import failure, got_no_answer, never_left, said

MEANINGS = (
    ("Requested operation is presently disabled", "Slurm may not requeue this job: no batch job, or --no-requeue"),
    ("Job is pending execution", "the job waits in the queue already"),
    ("Job can not be altered now", "the job does not run, or is about to end"),
    ("Job/step already completing or completed", "the job has ended already"),
    ("Invalid job id specified", "slurmctld does not know this job any more"),
    ("Invalid node state specified", "the node is not drained, down or failed, so there is nothing to resume"),
    ("Invalid node name specified", "slurmctld does not know this node"),
    ("You must specify a reason", "Slurm wants a reason for this"),
    ("RebootProgram isn't defined", "slurm.conf names no RebootProgram, so Slurm cannot reboot nodes"),
)
"""Part of what Slurm 22.05 to 24.11 say, and what an operator should read instead."""


def explained(result: CommandResult, change: Change, where: str) -> CommandResult:
    """How a change ended, in clear words. Raises Denied and Unreachable, where nothing was done."""
    if result.state != "failed":
        return result
    if never_left(result):
        raise failure(result, change.argv, where)
    if got_no_answer(result):
        why = f"slurmctld did not answer ({said(result)}); it may have done it, or do it yet"
        return msgspec.structs.replace(result, state="unknown", exit_status=None, detail=why)
    error = failure(result, change.argv, where)
    if isinstance(error, Denied):
        raise error
    return msgspec.structs.replace(result, detail=_meaning(said(result)))


def _meaning(complaint: str) -> str:
    for part, meaning in MEANINGS:
        if part in complaint:
            return f"{meaning} ({complaint})"
    return complaint
