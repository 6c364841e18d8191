"""Which waiting job starts where: by priority, several-node jobs strictly in order, single-node jobs fill the gaps."""

from __future__ import annotations

from .shape import Partition
from .simulation import Simulation
from .state import SimJob, SimNode

Placement = list[tuple[SimNode, tuple[int, ...]]]


def schedule(sim: Simulation) -> None:
    """One pass over the queue."""
    waiting: dict[str, list[SimJob]] = {part.name: [] for part in sim.partitions}
    for job in sim.jobs.values():
        if job.state == "PENDING":
            waiting[job.partition].append(job)
    for part in sim.partitions:
        _schedule_partition(sim, part, sorted(waiting[part.name], key=lambda job: (-job.priority, job.raw_id)))


def _schedule_partition(sim: Simulation, part: Partition, queue: list[SimJob]) -> None:
    is_blocked = False
    full: set[tuple[int, int]] = set()  # shapes that found no room in this pass
    for job in queue:
        gate = closed_gate(sim, job)
        if gate is not None:
            _wait(sim, job, gate)
            is_blocked |= gate == "BeginTime"
            continue
        need = (job.nodes_wanted, job.gpus_each)
        while need not in full and not (is_blocked and job.nodes_wanted > 1):
            placement = find_room(sim, part.name, *need)
            if placement is None:
                full.add(need)
                break
            if not _start(sim, job, placement):
                break
        if job.id not in sim.jobs or job.state != "PENDING":
            continue
        gate = closed_gate(sim, job)
        _wait(sim, job, gate or ("Priority" if is_blocked else "Resources"))
        is_blocked |= gate is None


def closed_gate(sim: Simulation, job: SimJob) -> str | None:
    """Why this job may not start even if there is room."""
    if job.gate is not None:
        return job.reason if job.gate == "JobHeldUser" and job.reason == "job requeued in held state" else job.gate
    if job.begins > sim.now:
        return "BeginTime"
    if job.is_array and job.tasks_running >= job.tasks_at_once:
        return "JobArrayTaskLimit"
    return None


def find_room(sim: Simulation, partition: str, nodes: int, gpus_each: int) -> Placement | None:
    """GPUs for a job, or None: whole nodes in order of their names, parts of nodes where least is left over."""
    free = sim.free_nodes(partition)
    fits = [index for index, count in free.items() if count >= gpus_each]
    if len(fits) < nodes:
        return None
    if gpus_each == sim.shape.gpus_per_node:
        fits.sort()
    else:
        fits.sort(key=lambda index: (free[index], index))
    placement: Placement = []
    for index in fits[:nodes]:
        node = sim.nodes[index]
        idle = [gpu for gpu, owner in enumerate(node.owners) if owner is None]
        placement.append((node, tuple(idle[:gpus_each])))
    return placement


def _wait(sim: Simulation, job: SimJob, reason: str) -> None:
    if job.reason != reason:
        job.reason = reason
        sim.touch_job(job)


def _start(sim: Simulation, job: SimJob, placement: Placement) -> bool:
    """Start the job, or the next task of an array; return whether more of it waits and may start now."""
    if not job.is_array:
        sim.start(job, placement)
        return False
    task = split_task(sim, job)
    sim.start(task, placement)
    return job.id in sim.jobs and closed_gate(sim, job) is None


def split_task(sim: Simulation, bundle: SimJob) -> SimJob:
    """Take the next task out of a bundled array."""
    number = bundle.tasks.pop(0)
    raw_id = sim.new_id()
    task = SimJob(
        id=f"{bundle.raw_id}_{number}",
        raw_id=raw_id,
        recipe=bundle.recipe,
        partition=bundle.partition,
        nodes_wanted=bundle.nodes_wanted,
        gpus_each=bundle.gpus_each,
        priority=bundle.priority,
        submitted=bundle.submitted,
        limit_seconds=bundle.limit_seconds,
        duration_seconds=bundle.duration_seconds * sim.chance.uniform(0.6, 1.6),
        array=bundle,
    )
    bundle.tasks_running += 1
    sim.jobs[task.id] = task
    if bundle.tasks:
        sim.touch_job(bundle)
    else:
        del sim.jobs[bundle.id]
        sim.journal.drop("job", bundle.id)
    return task
