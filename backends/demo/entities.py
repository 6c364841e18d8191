"""Simulated nodes, jobs and partitions as the entities that operators see. `cluster` is filled in by the reader."""

from __future__ import annotations

from crashcart.backends.model import Job, Node, Queue

from .shape import CPUS, GPU_TYPE, MEMORY_BYTES, SLURM_VERSION, Partition, Shape
from .state import SimJob, SimNode

SOURCE = "demo"
CPUS_A_GPU = 24


def node_entity(node: SimNode, when: float) -> Node:
    """The node as its scheduler tells."""
    used = node.gpus_used
    gpus = len(node.owners)
    cpus = min(CPUS, used * CPUS_A_GPU)
    busy = used + sum(node.owners[gpu] is None for gpu in node.guests)  # the machine does more than its scheduler knows
    flags = set(node.flags)
    if not node.responds:
        flags.add("NOT_RESPONDING")
    if node.completing:
        flags.add("COMPLETING")
    return Node(
        cluster="",
        source=SOURCE,
        when=when,
        name=node.name,
        state=node.base_state,
        flags=tuple(sorted(flags)),
        reason=node.reason,
        reason_by=node.reason_by,
        reason_at=node.reason_at,
        partitions=node.partitions,
        gpus_total=gpus,
        gpus_used=used,
        gpus_used_indexes=tuple(gpu for gpu, owner in enumerate(node.owners) if owner is not None),
        gpu_type=GPU_TYPE,
        cpus_total=CPUS,
        cpus_used=cpus,
        memory_total_bytes=MEMORY_BYTES,
        memory_free_bytes=MEMORY_BYTES - (MEMORY_BYTES // 64) - MEMORY_BYTES * busy // (gpus * 2),
        load=round(0.7 + min(CPUS, busy * CPUS_A_GPU) * 0.31, 2) if node.is_reachable else None,
        address=node.address,
        rack=node.rack,
        switch=node.switch,
        boot_time=node.boot_time,
        version=SLURM_VERSION,
    )


def job_entity(job: SimJob, shape: Shape, when: float) -> Job:
    """The queue entry as its scheduler tells."""
    recipe = job.recipe
    has_run = job.started is not None
    array = f"{job.raw_id}_[{_numbers(job.tasks)}%{job.tasks_at_once}]" if job.is_array else None
    return Job(
        cluster="",
        source=SOURCE,
        when=when,
        id=job.id,
        raw_id=str(job.raw_id),
        name=recipe.name,
        user=recipe.user,
        account=recipe.account,
        partition=job.partition,
        qos=recipe.qos,
        state=job.state,
        reason=job.reason,
        array=array,
        array_tasks=len(job.tasks) if job.is_array else 1,
        node_list=shape.fold(node.index for node, _ in job.placement),
        node_count=job.nodes_wanted,
        gpus=job.nodes_wanted * job.gpus_each,
        gpu_map=tuple((node.name, gpus) for node, gpus in job.placement) if job.placement else None,
        requeueable=recipe.requeueable,
        restarts=job.restarts,
        priority=0 if job.gate == "JobHeldUser" else job.priority,
        submit_time=job.submitted,
        start_time=job.started,
        end_time=job.ended if job.ended is not None or not has_run else (job.started or 0.0) + job.limit_seconds,
        time_limit_seconds=job.limit_seconds,
        work_dir=job.work_dir,
        std_out=f"{job.work_dir}/logs/slurm-{job.raw_id}.out",
        comment=_checkpoint_comment(job),
        checkpoint_time=job.checkpoint_time(when),
    )


def _checkpoint_comment(job: SimJob) -> str | None:
    """How the job wants to be asked to save itself, in the words that the checkpoint verb reads."""
    if not job.recipe.catches:
        return None
    return f"crashcart-ckpt:signal=USR1,target=batch,continues=yes,layout=megatron,seconds=30,dir={job.checkpoint_dir}"


def queue_entity(part: Partition, shape: Shape, when: float) -> Queue:
    """The partition as its scheduler tells."""
    return Queue(
        cluster="",
        source=SOURCE,
        when=when,
        name=part.name,
        state="UP",
        is_default=part.is_default,
        node_list=shape.fold(part.members),
        nodes_total=len(part.members),
        gpus_total=len(part.members) * shape.gpus_per_node,
        priority=part.priority,
        max_time_seconds=part.max_seconds,
    )


def _numbers(tasks: list[int]) -> str:
    """Task numbers as Slurm folds them: `12-63` or `3,5,7-9`."""
    runs: list[list[int]] = []
    for task in tasks:
        if runs and task == runs[-1][1] + 1:
            runs[-1][1] = task
        else:
            runs.append([task, task])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)
