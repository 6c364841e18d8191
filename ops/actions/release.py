"""Release: let a held job start again."""

from __future__ import annotations

from crashcart.backends.contract import Change, JobControl
from crashcart.backends.model import Job

from .base import Scene, Seen
from .job_verb import JobVerb, is_held, is_over, job_words


class Release(JobVerb):
    """Proved when the job is no longer held, or has started."""

    verb = "release"

    def refusal(self, job: Job, scene: Scene) -> str | None:
        if is_over(job):
            return f"job {job.id} has ended ({job.state})"
        if not is_held(job):
            return f"job {job.id} is not held ({job_words(job)})"
        return None

    def change(self, job: str, control: JobControl, scene: Scene) -> Change:
        return control.release(job)

    def warnings(self, job: Job, scene: Scene) -> tuple[str, ...]:
        if job.managed_by is not None:
            return (f"{job.managed_by} decides when it starts",)
        if job.reason == "JobHeldUser":
            return (f"it is held on behalf of its owner (JobHeldUser): ask {job.user} first",)
        return ()

    def judge(self, before: Job, after: Job | None, scene: Scene) -> Seen:
        if after is None:
            return Seen("impossible", "not in the queue", f"job {before.id} has ended")
        return Seen("not yet" if is_held(after) else "reached", job_words(after))

    def undo(self, scene: Scene, targets: tuple[str, ...]) -> str:
        return f"hold {','.join(targets)}, as long as it has not started"
