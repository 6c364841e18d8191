"""Fills the simulated cluster at the start, and brings new work when old work ends."""

from __future__ import annotations

from .recipes import (
    BATCH,
    EVALUATION,
    HUNG,
    NEXT_VICTIM,
    NOTEBOOKS,
    PRETRAIN,
    STRAGGLING,
    TRAINING,
    VICTIM,
)
from .scheduler import find_room, split_task
from .simulation import Simulation
from .state import Checkpoint, Recipe, SimJob, SimNode

HOUR = 3600.0
PRIORITY = {"high": 120_000, "normal": 60_000, "low": 20_000, "interactive": 90_000}
FILLED_BATCH = 0.97


class Workload:
    """Submits jobs. `roles` names the jobs that the fault script needs; in a tiny cluster some are missing."""

    def __init__(self, sim: Simulation) -> None:
        self.sim = sim
        self.roles: dict[str, SimJob] = {}
        self._scale = max(1.0, sim.shape.nodes / 500)  # a big cluster runs more jobs, so each runs longer
        self._members = {part.name: part.members for part in sim.partitions}

    def fill(self) -> None:
        """The jobs that run and wait at the start."""
        self._fill_training()
        self._fill_batch()
        self._fill_development()
        self._queue_up()
        self.sim.on_ended = self.replace

    def job(self, recipe: Recipe, partition: str, nodes: int, gpus_each: int, hours: float) -> SimJob:
        """A job that waits; it would run for `hours`."""
        sim = self.sim
        raw_id = sim.new_id()
        limit = next(part.max_seconds for part in sim.partitions if part.name == partition)
        return SimJob(
            id=str(raw_id),
            raw_id=raw_id,
            recipe=recipe,
            partition=partition,
            nodes_wanted=nodes,
            gpus_each=min(gpus_each, sim.shape.gpus_per_node),
            priority=PRIORITY[recipe.qos] + sim.chance.randrange(9000),
            submitted=sim.now,
            limit_seconds=min(limit, max(0.5, hours * 2) * HOUR),
            duration_seconds=hours * HOUR,
        )

    def replace(self, ended: SimJob) -> None:
        """Submit a job like the one that ended, a little later."""
        job = ended.array or ended
        if ended.array is not None:
            job.tasks_running -= 1
            if job.id in self.sim.jobs:
                self.sim.touch_job(job)
            if job.tasks or job.tasks_running:
                return
        hours = job.duration_seconds / HOUR
        size = (job.partition, job.nodes_wanted, job.gpus_each)

        def submit() -> None:
            new = self._array(job.recipe) if job.is_array else self.job(job.recipe, *size, hours)
            self.sim.submit(new)

        self.sim.timeline.after(self.sim.chance.uniform(2.0, 20.0), submit)

    def _running(self, job: SimJob, since: float) -> SimJob | None:
        """Let a job run that started `since` seconds ago, or return None where no room is left."""
        sim = self.sim
        placement = find_room(sim, job.partition, job.nodes_wanted, job.gpus_each)
        if placement is None:
            return None
        _give_history(job, sim.now, since, sim.chance.uniform(0.1, 0.9))
        sim.jobs[job.id] = job
        self._start_in_the_past(job, placement, since)
        return job

    def _start_in_the_past(self, job: SimJob, placement: list[tuple[SimNode, tuple[int, ...]]], since: float) -> None:
        self.sim.start(job, placement)
        job.started = self.sim.now - since
        job.submitted = job.started - 60.0 - since * 0.1
        job.limit_seconds = max(job.limit_seconds, (since + job.duration_seconds) * 1.2)

    def _fill_training(self) -> None:
        members = self._members["train"]
        nodes = len(members)
        gpus = self.sim.shape.gpus_per_node
        scripted = (
            ("victim", VICTIM, min(512, max(1, nodes // 3)), 41 * HOUR),
            ("hot", PRETRAIN, min(1024, nodes * 18 // 48), 77 * HOUR),
            ("straggling", STRAGGLING, nodes * 4 // 48 and 4, 6.2 * HOUR),
            ("hung", HUNG, nodes * 4 // 48 and 4, 9.4 * HOUR),
            ("next-victim", NEXT_VICTIM, nodes * 2 // 48 and 2, 3.1 * HOUR),
        )
        for role, recipe, size, since in scripted:
            job = self._running(self.job(recipe, "train", size, gpus, 60.0), since) if size else None
            if job is not None:
                self.roles[role] = job
        chance = self.sim.chance
        while (spare := len(self.sim.free_nodes("train")) - max(4, nodes // 40)) > 4:
            size = min(spare, chance.choice((4, 8, 8, 16, 16, 32, 64)))
            recipe = chance.choice(TRAINING)
            self._running(self.job(recipe, "train", size, gpus, chance.uniform(2, 90)), chance.uniform(0.2, 50) * HOUR)

    def _fill_batch(self) -> None:
        sim, chance = self.sim, self.sim.chance
        self._start_array()
        total = len(self._members["batch"]) * sim.shape.gpus_per_node
        filled = sum(sim.nodes[index].gpus_used for index in self._members["batch"])
        while filled < total * FILLED_BATCH:
            gpus = min(chance.choice((1, 2, 2, 4, 8)), sim.shape.gpus_per_node)
            hours = chance.uniform(0.02, 0.35) * self._scale
            job = self.job(chance.choice(BATCH), "batch", 1, gpus, hours)
            if self._running(job, chance.uniform(0.05, 1.5) * HOUR) is None:
                break
            filled += gpus

    def _array(self, recipe: Recipe) -> SimJob:
        bundle = self.job(recipe, "batch", 1, 1, 0.05 * self._scale)
        bundle.tasks = list(range(64))
        bundle.tasks_at_once = 8
        return bundle

    def _start_array(self) -> None:
        bundle = self._array(EVALUATION)
        self.sim.jobs[bundle.id] = bundle
        bundle.submitted = self.sim.now - 700.0
        del bundle.tasks[:9]
        for _ in range(min(bundle.tasks_at_once, len(self._members["batch"]))):
            placement = find_room(self.sim, "batch", 1, 1)
            if placement is None:
                break
            self._start_in_the_past(split_task(self.sim, bundle), placement, self.sim.chance.uniform(20, 300))
        bundle.reason = "JobArrayTaskLimit"
        self.sim.touch_job(bundle)

    def _fill_development(self) -> None:
        for index, member in enumerate(self._members["dev"]):
            recipe = NOTEBOOKS[index % len(NOTEBOOKS)]
            if self.sim.nodes[member].gpus_free > 1 and index % 4 != 3:
                job = self.job(recipe, "dev", 1, 1 + index % 3, self.sim.chance.uniform(0.3, 6))
                self._running(job, self.sim.chance.uniform(0.1, 2) * HOUR)

    def _queue_up(self) -> None:
        nodes = len(self._members["train"])
        gpus = self.sim.shape.gpus_per_node
        waiting = (
            (TRAINING[1], "train", max(1, nodes // 3), None, 2.2),
            (TRAINING[0], "train", max(1, nodes // 6), None, 1.1),
            (TRAINING[3], "train", max(1, nodes // 12), "QOSMaxGRESPerUser", 5.0),
            (TRAINING[2], "train", max(1, nodes // 12), "JobHeldUser", 20.0),
            (TRAINING[5], "train", max(1, nodes // 6), "Dependency", 30.0),
        )
        for recipe, partition, size, gate, hours_ago in waiting:
            self._wait(self.job(recipe, partition, size, gpus, 24.0), gate, hours_ago)
        chance = self.sim.chance
        for number in range(max(6, len(self._members["batch"]) // 2)):
            job = self.job(BATCH[number % len(BATCH)], "batch", 1, gpus if number < 2 else 4, 0.2 * self._scale)
            self._wait(job, None, chance.uniform(0.02, 1.0))

    def _wait(self, job: SimJob, gate: str | None, hours_ago: float) -> None:
        job.gate = gate
        job.submitted = self.sim.now - hours_ago * HOUR
        job.reason = gate or "Priority"
        self.sim.submit(job)


def _give_history(job: SimJob, now: float, since: float, into_interval: float) -> None:
    """Checkpoints that the job has written before the simulation began."""
    every = job.recipe.checkpoint_every_seconds
    if every is None or since < every:
        return
    last = now - into_interval * every
    reached = int((since - into_interval * every) / job.recipe.step_seconds)
    a_step = max(1, int(every / job.recipe.step_seconds))
    job.checkpoints = [
        Checkpoint(max(1, reached - back * a_step), last - back * every - 30.0, 30.0)
        for back in (1, 0)
        if reached - back * a_step > 0
    ]
