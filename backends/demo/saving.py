"""Simulated jobs write checkpoints: from time to time, and when a signal asks for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .state import Checkpoint, SimJob

if TYPE_CHECKING:
    from .simulation import Simulation

PERIODIC_SAVE_SECONDS = 6.0
KEPT_CHECKPOINTS = 3


def plan_save(sim: Simulation, job: SimJob) -> None:
    """Have a job that just started save itself at its own interval."""
    every = job.recipe.checkpoint_every_seconds
    if every is None:
        return
    wait = max(1.0, job.checkpoints[-1].complete_at + every - sim.now) if job.checkpoints else every

    def due() -> None:
        save(sim, job, PERIODIC_SAVE_SECONDS)
        plan_save(sim, job)

    sim.for_this_run(job, wait, due)


def save(sim: Simulation, job: SimJob, seconds: float) -> None:
    """Write a checkpoint that is complete in `seconds`; a job that hangs in a collective cannot."""
    if job.hung_since is not None or job.state != "RUNNING":
        return
    iteration = max(job.iteration(sim.now), job.checkpoints[-1].iteration + 1 if job.checkpoints else 1)
    job.checkpoints = [*job.checkpoints, Checkpoint(iteration, sim.now, seconds)][-KEPT_CHECKPOINTS:]
    job.is_saving = True
    sim.loads_changed(job)

    def saved() -> None:
        job.is_saving = False
        sim.loads_changed(job)
        sim.touch_job(job)

    sim.for_this_run(job, seconds, saved)
