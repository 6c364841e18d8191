"""Requeue: stop the job and put it back into the queue."""

from __future__ import annotations

from crashcart.backends.contract import Change, JobControl
from crashcart.backends.model import Job

from .base import Scene, Seen
from .job_verb import REQUEUE_DELAY, JobVerb, is_held, is_over, job_words, loss_note

SUSPENDED_MEANWHILE = "it is suspended until its pods are gone; that counts as no failure of it"


class Requeue(JobVerb):
    """Proved by one more restart, a new start time or a job that waits; the exit status of the command says nothing."""

    verb = "requeue"
    stops_work = True

    def refusal(self, job: Job, scene: Scene) -> str | None:
        if job.is_pending:
            return f"job {job.id} waits in the queue already ({job_words(job)})"
        if is_over(job):
            return f"job {job.id} has ended ({job.state})"
        if job.requeueable is False and job.workload is not None:
            return f"job {job.id} is a bare {job.workload}: nothing makes it again; it can be cancelled, not requeued"
        if job.requeueable is False:
            return (
                f"job {job.id} was submitted with --no-requeue, or is no batch job: it can be cancelled, not requeued"
            )
        return None

    def change(self, job: str, control: JobControl, scene: Scene) -> Change:
        return control.requeue(job)

    def notes(self, job: Job, scene: Scene) -> tuple[str, ...]:
        return (loss_note(job, scene), REQUEUE_DELAY if job.workload is None else SUSPENDED_MEANWHILE)

    def warnings(self, job: Job, scene: Scene) -> tuple[str, ...]:
        if job.requeueable is None:
            return ("whether it may be requeued is not known; the scheduler may refuse",)
        return ()

    def judge(self, before: Job, after: Job | None, scene: Scene) -> Seen:
        if after is None:
            return Seen("impossible", "not in the queue", f"job {before.id} is gone from the queue")
        if after.workload is not None and is_held(after):
            return Seen("not yet", job_words(after), "it is suspended and was not resumed: release it")
        return was_requeued(before, after)

    def undo(self, scene: Scene, targets: tuple[str, ...]) -> str:
        return "nothing: the run that was stopped is over; the job starts again by itself"


def was_requeued(before: Job, after: Job) -> Seen:
    """Judge a requeue by the restart count and start time of the plan's snapshot."""
    seen = f"{job_words(after)}, restarts {'?' if after.restarts is None else after.restarts}"
    if before.restarts is not None and after.restarts is not None and after.restarts > before.restarts:
        return Seen("reached", seen)
    if after.is_pending:
        return Seen("reached", seen)
    if None not in (before.start_time, after.start_time) and after.start_time != before.start_time:
        return Seen("reached", f"{seen}, started anew")
    if is_over(after):
        return Seen("impossible", seen, f"job {before.id} ended instead of going back into the queue")
    return Seen("not yet", seen)
