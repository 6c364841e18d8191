"""What the simulated cluster is made of, as it changes; `entities.py` turns it into what operators see."""

from __future__ import annotations

import msgspec


class GpuFault(msgspec.Struct, eq=False):
    """What is wrong with one GPU until its node is rebooted."""

    xid: int
    at: float
    is_lost: bool = False  # gives no samples, and collectives that include it hang
    has_vanished: bool = False  # its host no longer lists it at all
    ecc_uncorrected: int = 0
    sm_clock_mhz: float | None = None  # a straggler's clock
    is_silent: bool = False  # the one rank of a hung job that does not spin
    is_starved: bool = False  # waits for data over a PCIe link that repeats itself


class Checkpoint(msgspec.Struct, frozen=True):
    """A checkpoint that is written from `started` on and complete `seconds` later."""

    iteration: int
    started: float
    seconds: float

    @property
    def complete_at(self) -> float:
        return self.started + self.seconds


class Stint(msgspec.Struct, frozen=True):
    """What some GPUs of a node did until `ended`."""

    gpus: tuple[int, ...]
    load: str
    started: float
    ended: float
    hung_since: float | None = None


class Darkness(msgspec.Struct, frozen=True):
    """A time in which a node, or one GPU of it, gave no samples."""

    since: float
    until: float
    gpu: int | None = None


class Guest(msgspec.Struct, frozen=True):
    """Work on a GPU that the scheduler of `owners` knows nothing of: a pod's."""

    load: str
    since: float


class SimNode(msgspec.Struct, eq=False):
    """A machine. `owners[i]` holds GPU i, also for the moment in which its processes are being ended."""

    index: int
    name: str
    rack: str
    switch: str
    address: str
    partitions: tuple[str, ...]
    boot_time: float
    owners: list[SimJob | None]
    flags: set[str] = msgspec.field(default_factory=set)
    is_down: bool = False
    responds: bool = True
    is_rebooting: bool = False
    completing: int = 0
    reason: str | None = None
    reason_by: str | None = None
    reason_at: float | None = None
    faults: dict[int, GpuFault] = msgspec.field(default_factory=dict)
    hot_since: float | None = None
    exporter_down_at: float | None = None
    unreachable_since: float | None = None
    failed_check: str | None = None  # what the node health check finds again when somebody resumes the node
    kernel_log: list[tuple[float, str]] = msgspec.field(default_factory=list)
    stints: list[Stint] = msgspec.field(default_factory=list)  # those of the last hour or so
    darkness: list[Darkness] = msgspec.field(default_factory=list)  # what a reboot has ended
    guests: dict[int, Guest] = msgspec.field(default_factory=dict)  # by GPU

    @property
    def gpus_used(self) -> int:
        return sum(owner is not None for owner in self.owners)

    @property
    def gpus_free(self) -> int:
        """GPUs that new work may take."""
        return len(self.owners) - self.gpus_used if self.takes_work else 0

    @property
    def takes_work(self) -> bool:
        return not self.flags and not self.is_down and self.responds and not self.completing

    @property
    def is_reachable(self) -> bool:
        """Whether a login or an exporter on it would answer."""
        return self.responds and not self.is_rebooting

    @property
    def is_troubled(self) -> bool:
        """Whether an alert rule or a scrape could find anything wrong with it."""
        is_silent = not self.is_reachable or self.exporter_down_at is not None
        return bool(self.faults) or self.is_down or is_silent or self.hot_since is not None

    @property
    def dark_since(self) -> float | None:
        """Since when it has given no GPU samples; None while it gives them."""
        times = (self.exporter_down_at, None if self.is_reachable else self.unreachable_since)
        return min((since for since in times if since is not None), default=None)

    @property
    def base_state(self) -> str:
        """The scheduler's base word."""
        if self.is_down:
            return "DOWN"
        used = self.gpus_used
        return "IDLE" if used == 0 else "ALLOCATED" if used == len(self.owners) else "MIXED"

    def explain(self, reason: str, by: str, at: float) -> None:
        """Write why the node is out of service."""
        self.reason, self.reason_by, self.reason_at = reason, by, at

    def forget_reason(self) -> None:
        self.reason = self.reason_by = self.reason_at = None


class Recipe(msgspec.Struct, frozen=True):
    """What a job is like, apart from who, when and where."""

    name: str
    user: str
    account: str
    qos: str = "normal"
    load: str = "train"  # name of a load in loads.py
    catches: tuple[str, ...] = ()  # signals its processes handle by writing a checkpoint
    checkpoint_every_seconds: float | None = None
    step_seconds: float = 6.0
    requeueable: bool = True


class SimJob(msgspec.Struct, eq=False):
    """A queue entry. `run` counts starts and stops, so that an event meant for an earlier run does nothing."""

    id: str
    raw_id: int
    recipe: Recipe
    partition: str
    nodes_wanted: int
    gpus_each: int
    priority: int
    submitted: float
    limit_seconds: float
    duration_seconds: float
    state: str = "PENDING"
    reason: str | None = "Priority"
    gate: str | None = None  # a reason that the scheduler never lifts by itself
    begins: float = 0.0
    started: float | None = None
    ended: float | None = None
    restarts: int = 0
    run: int = 0
    placement: list[tuple[SimNode, tuple[int, ...]]] = msgspec.field(default_factory=list)
    checkpoints: list[Checkpoint] = msgspec.field(default_factory=list)
    first_iteration: int = 0
    hung_since: float | None = None
    is_saving: bool = False
    tasks: list[int] = msgspec.field(default_factory=list)  # of a bundled array: those that have not started
    tasks_at_once: int = 0
    tasks_running: int = 0
    array: SimJob | None = None  # of an array task: the bundle it came from

    @property
    def is_array(self) -> bool:
        return self.tasks_at_once > 0

    @property
    def work_dir(self) -> str:
        return f"/lustre/{self.recipe.account}/{self.recipe.user}/{self.recipe.name}"

    @property
    def checkpoint_dir(self) -> str:
        return f"{self.work_dir}/checkpoints"

    def checkpoint_time(self, now: float) -> float | None:
        """When the last complete checkpoint was written."""
        return max((c.complete_at for c in self.checkpoints if c.complete_at <= now), default=None)

    def iteration(self, now: float) -> int:
        """The training step it has reached."""
        if self.started is None:
            return self.first_iteration
        until = now if self.hung_since is None else min(now, self.hung_since)
        return self.first_iteration + int(max(0.0, until - self.started) / self.recipe.step_seconds)
