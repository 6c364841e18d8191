"""Cancel: end the job for good."""

from __future__ import annotations

from crashcart.backends.contract import Change, JobControl
from crashcart.backends.model import Job

from .base import Scene, Seen
from .job_verb import JobVerb, is_over, job_words, loss_note


class Cancel(JobVerb):
    """Proved when the job has ended or is ending; its last processes may take the scheduler's kill time."""

    verb = "cancel"
    stops_work = True

    def refusal(self, job: Job, scene: Scene) -> str | None:
        if is_over(job):
            return f"job {job.id} has ended ({job.state})"
        if job.state == "COMPLETING":
            return f"job {job.id} is ending already"
        return None

    def change(self, job: str, control: JobControl, scene: Scene) -> Change:
        return control.cancel(job)

    def notes(self, job: Job, scene: Scene) -> tuple[str, ...]:
        return (loss_note(job, scene),) if job.is_running else ("it has not started, so no work is lost",)

    def judge(self, before: Job, after: Job | None, scene: Scene) -> Seen:
        if after is None:
            return Seen("reached", "no longer in the queue")
        if is_over(after) or after.state == "COMPLETING":
            return Seen("reached", after.state)
        return Seen("not yet", job_words(after))

    def undo(self, scene: Scene, targets: tuple[str, ...]) -> str:
        return "nothing: its owner has to submit it again"
