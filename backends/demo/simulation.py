"""The simulated cluster: jobs take and give back GPUs, nodes leave and return, time moves when somebody looks."""

from __future__ import annotations

import random
from collections.abc import Callable

from .journal import Journal
from .past import end_darkness, remember
from .saving import plan_save
from .shape import Partition, Shape, build_nodes, partitions
from .state import GpuFault, SimJob, SimNode
from .timeline import Timeline

RELEASE_SECONDS = 1.5
"""From the end of a job to the moment its GPUs are free: processes are killed, the epilog runs."""
SCHEDULE_SECONDS = 1.0
REQUEUE_SECONDS = 20.0
"""How long a requeued job waits with BeginTime; Slurm takes about two minutes, more than a demonstration has."""
WATCHDOG_SECONDS = 600.0
"""NCCL's watchdog ends a job whose collective does not come back (PyTorch's default is ten minutes)."""
REBOOT_SECONDS = 20.0


class Simulation:
    """State and mechanics. `clock` tells Unix seconds; equal seeds and equal times give equal pictures."""

    def __init__(self, shape: Shape, seed: int, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.timeline = Timeline(clock())
        self.chance = random.Random(seed)  # noqa: S311 - a picture, not a secret
        self.shape = shape
        self.journal = Journal()
        self.partitions: tuple[Partition, ...] = partitions(shape.nodes)
        self.nodes = build_nodes(shape, self.partitions, self.now)
        self.node_by_name = {node.name: node for node in self.nodes}
        self.jobs: dict[str, SimJob] = {}
        self.changed_nodes: set[int] = set()  # whose GPU samples no longer follow from what was there before
        self.troubled: set[int] = set()  # nodes with which something is wrong, so that nobody has to ask all
        self.on_ended: Callable[[SimJob], None] = lambda job: None
        self.schedule: Callable[[], None] = lambda: None
        self._free: dict[str, dict[int, int]] = {part.name: {} for part in self.partitions}
        self._is_schedule_planned = False
        self._last_id = 184_203
        for part in self.partitions:
            self.journal.touch("queue", part.name)
        for node in self.nodes:
            self.touch_node(node)

    @property
    def now(self) -> float:
        return self.timeline.now

    def advance(self) -> float:
        """Let everything happen that is due; return the time reached."""
        self.timeline.advance(self.clock())
        return self.now

    def new_id(self) -> int:
        """The next job number."""
        self._last_id += 1
        return self._last_id

    # what changed

    def touch_node(self, node: SimNode) -> None:
        """A node changed: tell pollers, and the scheduler how much it may place there."""
        self.changed_nodes.add(node.index)
        (self.troubled.add if node.is_troubled else self.troubled.discard)(node.index)
        self.journal.touch("node", node.name)
        free = node.gpus_free
        for name in node.partitions:
            if free:
                self._free[name][node.index] = free
            else:
                self._free[name].pop(node.index, None)

    def touch_job(self, job: SimJob) -> None:
        self.journal.touch("job", job.id)

    def troubled_nodes(self) -> list[SimNode]:
        """Nodes with which something is wrong, in order of their names."""
        return [self.nodes[index] for index in sorted(self.troubled)]

    def loads_changed(self, job: SimJob) -> None:
        """Its GPUs do something else from now on."""
        self.changed_nodes.update(node.index for node, _ in job.placement)

    def free_nodes(self, partition: str) -> dict[int, int]:
        """Node index to GPUs that may be taken, of nodes that take work."""
        return self._free[partition]

    # jobs

    def submit(self, job: SimJob) -> None:
        """Put a job into the queue."""
        self.jobs[job.id] = job
        self.touch_job(job)
        self.want_schedule()

    def want_schedule(self) -> None:
        """Have the scheduler look at the queue soon; many wishes make one pass."""
        if not self._is_schedule_planned:
            self._is_schedule_planned = True
            self.timeline.after(SCHEDULE_SECONDS, self._scheduled)

    def _scheduled(self) -> None:
        self._is_schedule_planned = False
        self.schedule()

    def start(self, job: SimJob, placement: list[tuple[SimNode, tuple[int, ...]]]) -> None:
        """Run a job on these GPUs."""
        job.placement = placement
        job.state, job.reason, job.run = "RUNNING", None, job.run + 1
        job.started, job.ended, job.hung_since = self.now, None, None
        for node, gpus in placement:
            for gpu in gpus:
                node.owners[gpu] = job
            self.touch_node(node)
        self.touch_job(job)
        self.for_this_run(job, job.duration_seconds, lambda: self.end(job))
        plan_save(self, job)
        self.look_for_hang(job)

    def end(self, job: SimJob) -> None:
        """A job ends by itself, is cancelled or dies: COMPLETING for a moment, then gone."""
        if job.state == "PENDING":
            self._forget(job)
            return
        if job.state == "COMPLETING":
            return
        job.state, job.ended = "COMPLETING", self.now
        self._release(job, lambda: self._forget(job))

    def requeue(self, job: SimJob, *, held: bool = False) -> None:
        """Stop a running job and queue it again."""
        self._release(job, lambda: None)
        job.state, job.reason = "PENDING", "BeginTime"
        job.first_iteration = job.checkpoints[-1].iteration if job.checkpoints else 0
        job.restarts, job.started = job.restarts + 1, None
        job.submitted, job.begins = self.now, self.now + REQUEUE_SECONDS
        job.gate = "JobHeldUser" if held else None
        if held:
            job.reason = "job requeued in held state"
        self.timeline.at(job.begins, self.want_schedule)

    def _release(self, job: SimJob, then: Callable[[], None]) -> None:
        remember(job, self.now)
        placement, job.placement = job.placement, []
        job.run += 1
        job.hung_since, job.is_saving = None, False
        for node, _ in placement:
            node.completing += 1
            self.touch_node(node)
        self.touch_job(job)

        def free() -> None:
            for node, gpus in placement:
                node.completing -= 1
                for gpu in gpus:
                    node.owners[gpu] = None
                self.touch_node(node)
                self._reboot_if_empty(node)
            then()
            self.want_schedule()

        self.timeline.after(RELEASE_SECONDS, free)

    def _forget(self, job: SimJob) -> None:
        if self.jobs.pop(job.id, None) is not None:
            self.journal.drop("job", job.id)
            self.on_ended(job)

    def for_this_run(self, job: SimJob, seconds: float, action: Callable[[], None]) -> None:
        """Do `action` in `seconds`, unless the job has stopped by then."""
        run = job.run

        def still() -> None:
            if job.run == run:
                action()

        self.timeline.after(seconds, still)

    # faults

    def break_gpu(self, node: SimNode, gpu: int, fault: GpuFault, message: str) -> None:
        """A GPU fails and the kernel says so."""
        node.faults[gpu] = fault
        if message:
            node.kernel_log.append((fault.at, message))
        self.touch_node(node)
        owner = node.owners[gpu]
        if owner is not None:
            self.look_for_hang(owner)

    def look_for_hang(self, job: SimJob) -> None:
        """A collective with a lost GPU in it never returns: all others spin until the watchdog ends the job."""
        lost = [
            node.faults[gpu].at
            for node, gpus in job.placement
            for gpu in gpus
            if gpu in node.faults and node.faults[gpu].is_lost
        ]
        if lost and job.hung_since is None and job.state == "RUNNING":
            self.hang(job, max(min(lost), job.started or self.now))

    def hang(self, job: SimJob, since: float) -> None:
        """The job makes no progress from `since` on."""
        job.hung_since = since
        self.loads_changed(job)
        self.touch_job(job)
        left = max(1.0, since + WATCHDOG_SECONDS - self.now)
        self.for_this_run(job, left, lambda: self.die(job))

    def die(self, job: SimJob) -> None:
        """The job fails; the scheduler queues it again if its owner allowed that."""
        if job.recipe.requeueable:
            self.requeue(job)
        else:
            self.end(job)

    # nodes

    def reboot_when_empty(self, node: SimNode) -> None:
        """Take no more work, then reboot."""
        node.flags |= {"DRAIN", "REBOOT_REQUESTED"}
        self.touch_node(node)
        self._reboot_if_empty(node)

    def _reboot_if_empty(self, node: SimNode) -> None:
        if "REBOOT_REQUESTED" not in node.flags or node.gpus_used or node.completing:
            return
        node.flags = {"DRAIN", "REBOOT_ISSUED"}
        node.is_down = node.is_rebooting = True
        node.unreachable_since = self.now
        self.touch_node(node)
        self.timeline.after(REBOOT_SECONDS, lambda: self._booted(node))

    def _booted(self, node: SimNode) -> None:
        node.flags.clear()
        end_darkness(node, self.now)
        node.faults.clear()
        node.kernel_log.clear()
        node.is_down = node.is_rebooting = False
        node.hot_since = node.exporter_down_at = node.unreachable_since = node.failed_check = None
        node.boot_time = self.now
        node.forget_reason()
        self.touch_node(node)
        self.want_schedule()
