"""Requeue and hold: stop the job, put it back into the queue and keep it from starting."""

from __future__ import annotations

from crashcart.backends.contract import Change, JobControl
from crashcart.backends.model import Job

from .base import Scene, Seen
from .job_verb import is_held, loss_note
from .requeue import Requeue, was_requeued


class RequeueHold(Requeue):
    """Proved when the requeued job is held as well."""

    verb = "requeue-hold"

    def change(self, job: str, control: JobControl, scene: Scene) -> Change:
        return control.requeue_hold(job)

    def notes(self, job: Job, scene: Scene) -> tuple[str, ...]:
        return (loss_note(job, scene), "it waits until somebody releases it")

    def judge(self, before: Job, after: Job | None, scene: Scene) -> Seen:
        if after is None:
            return Seen("impossible", "not in the queue", f"job {before.id} is gone from the queue")
        seen = was_requeued(before, after)
        if seen.outcome == "reached" and not is_held(after):
            return Seen("not yet", seen.text, "it is requeued, but not held")
        return seen

    def undo(self, scene: Scene, targets: tuple[str, ...]) -> str:
        return f"release {','.join(targets)}; the run that was stopped is over"
