"""What the verbs on jobs share: a job in the queue, its control, its reading back."""

from __future__ import annotations

from abc import abstractmethod

from crashcart.backends.contract import Change, JobControl
from crashcart.backends.model import Job
from crashcart.ops.impact import hours_at_risk, since_checkpoint
from crashcart.ops.protocol import TargetPlan

from .base import CannotAct, Changing, JobProof, Scene, Seen

REQUEUE_DELAY = "it waits about 2 minutes (BeginTime) before it may start again"
"""Measured on Slurm 22.05.8: a requeued job is eligible 121 s later."""


class JobVerb(Changing):
    """Base of the verbs that move a job between running, waiting, held and gone."""

    verify_seconds = 30.0

    def power(self, target: str, scene: Scene) -> object | None:
        return scene.powers.control(scene.job(target).source)

    def unavailable(self, target: str, scene: Scene) -> str | None:
        job = scene.job(target)
        if scene.powers.control(job.source) is None:
            return f"nothing in {scene.cluster.name} can {self.verb} jobs of {job.source} with this configuration"
        return self.refusal(job, scene)

    @abstractmethod
    def refusal(self, job: Job, scene: Scene) -> str | None:
        """Why this job cannot be changed so now, or None."""

    @abstractmethod
    def change(self, job: str, control: JobControl, scene: Scene) -> Change:
        """The one change of this verb. Pure."""

    @abstractmethod
    def judge(self, before: Job, after: Job | None, scene: Scene) -> Seen:
        """Whether what is read back is what was wanted. Pure."""

    def notes(self, job: Job, scene: Scene) -> tuple[str, ...]:
        """What the operator should know about this target."""
        return ()

    def warnings(self, job: Job, scene: Scene) -> tuple[str, ...]:
        """What the operator may regret about this target."""
        return ()

    def changes(self, target: str, scene: Scene) -> tuple[Change, ...]:
        control = scene.powers.control(scene.job(target).source)
        if control is None:
            raise CannotAct(f"nothing in {scene.cluster.name} can {self.verb} jobs")
        return (self.change(target, control, scene),)

    async def preview(self, target: str, scene: Scene) -> TargetPlan:
        job = scene.job(target)
        return TargetPlan(
            target=target,
            commands=tuple(change.text for change in self.changes(target, scene)),
            state=job_words(job),
            notes=(*_array_note(job), *self.notes(job, scene)),
            warnings=self.warnings(job, scene),
        )

    def proof(self, target: str, scene: Scene) -> JobProof:
        observer = scene.powers.observer
        if observer is None:
            raise CannotAct(f"nothing in {scene.cluster.name} can read jobs back")
        before = scene.job(target)
        return JobProof(observer, target, lambda job: self.judge(before, job, scene))

    def touched_jobs(self, target: str, scene: Scene) -> tuple[Job, ...]:
        return (scene.job(target),)


def job_words(job: Job) -> str:
    """`RUNNING`, `PENDING (Priority)`."""
    return f"{job.state} ({job.reason})" if job.reason and job.reason != "None" and not job.is_running else job.state


def is_held(job: Job) -> bool:
    """Kept from starting by a user or an operator: priority 0, as Slurm marks it, or a suspended workload."""
    if job.workload is not None:
        return job.state == "SUSPENDED"
    return job.priority == 0 or (job.reason or "").startswith("JobHeld") or "held state" in (job.reason or "")


def is_over(job: Job) -> bool:
    """Neither waiting nor running."""
    return not job.is_pending and not job.is_running


def loss_note(job: Job, scene: Scene) -> str:
    """What stopping it now costs, in GPU-hours since its last checkpoint."""
    hours = hours_at_risk(job, scene.now)
    if hours is None:
        return "how much work is lost is not known"
    since = since_checkpoint(job, scene.now)
    if since is None:
        return f"{hours:.1f} GPU-hours are lost: all since its start, no checkpoint is known"
    return f"{hours:.1f} GPU-hours are lost: all since its checkpoint {since / 60:.0f} min ago"


def _array_note(job: Job) -> tuple[str, ...]:
    if job.array_tasks > 1:
        return (f"it stands for {job.array_tasks} tasks of the array {job.array or job.id}, and all are meant",)
    return ()
