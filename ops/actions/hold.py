"""Hold: keep a waiting job from starting."""

from __future__ import annotations

from crashcart.backends.contract import Change, JobControl
from crashcart.backends.model import Job

from .base import Scene, Seen
from .job_verb import JobVerb, is_held, is_over, job_words


class Hold(JobVerb):
    """Proved when the job has priority 0, or is suspended. In Kubernetes only what does not run can be held."""

    verb = "hold"

    def refusal(self, job: Job, scene: Scene) -> str | None:
        if is_held(job):
            return f"job {job.id} is held already ({job_words(job)})"
        if is_over(job):
            return f"job {job.id} has ended ({job.state})"
        if job.workload is not None and job.is_running:
            return (
                f"job {job.id} runs, and holding a {job.workload} stops it: requeue-hold does that, with its cost shown"
            )
        return None

    def change(self, job: str, control: JobControl, scene: Scene) -> Change:
        return control.hold(job)

    def warnings(self, job: Job, scene: Scene) -> tuple[str, ...]:
        if job.is_running:
            return ("it keeps running: a hold only matters when it goes back into the queue",)
        return ()

    def judge(self, before: Job, after: Job | None, scene: Scene) -> Seen:
        if after is None or is_over(after):
            return Seen("impossible", "not in the queue", f"job {before.id} has ended")
        return Seen("reached" if is_held(after) else "not yet", job_words(after))

    def undo(self, scene: Scene, targets: tuple[str, ...]) -> str:
        return f"release {','.join(targets)}"
