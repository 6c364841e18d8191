"""What a cluster consists of, in frozen values that cross process borders.

Every entity carries its `source` (who said so) and `when` (Unix seconds at which it was true, not when it was fetched).
None means "not known" everywhere: it is shown as such and never counted as zero.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from .entity import Entity, Kind
from .pods import Budget, Event, Pod

OUT_OF_SERVICE = frozenset({"DRAIN", "CORDON"})
UNREACHED = frozenset({"FAIL", "NOT_RESPONDING", "NOT_READY", "INVALID_REG"})


class Plane(msgspec.Struct, frozen=True, array_like=True, gc=False, kw_only=True):
    """What one scheduler says of a node that several know."""

    source: str
    name: str  # what the node is called there
    state: str
    flags: tuple[str, ...] = ()
    reason: str | None = None
    reason_by: str | None = None
    reason_at: float | None = None
    gpus_total: int | None = None
    gpus_used: int | None = None
    gpus_allocatable: int | None = None
    when: float = 0.0


class Node(Entity, frozen=True, array_like=True, gc=False, kw_only=True, tag="node"):
    """A machine as its scheduler sees it: a base state and a set of flags (`MIXED` with `DRAIN` is draining).

    A node that several schedulers know is one node: `planes` then says what each of them says, the leading one first,
    and the other fields are those of the leading one.
    """

    kind: ClassVar[Kind] = "node"
    name: str
    state: str  # base state in the scheduler's word, upper case: IDLE MIXED ALLOCATED DOWN UNKNOWN ...
    flags: tuple[str, ...] = ()  # DRAIN CORDON NOT_RESPONDING NOT_READY COMPLETING REBOOT_REQUESTED ... sorted
    reason: str | None = None
    reason_by: str | None = None
    reason_at: float | None = None
    partitions: tuple[str, ...] = ()
    gpus_total: int | None = None
    gpus_used: int | None = None
    gpus_used_indexes: tuple[int, ...] | None = None
    gpu_type: str | None = None
    cpus_total: int | None = None
    cpus_used: int | None = None
    memory_total_bytes: int | None = None
    memory_free_bytes: int | None = None
    load: float | None = None
    address: str | None = None
    rack: str | None = None
    switch: str | None = None
    boot_time: float | None = None
    version: str | None = None
    own_name: str | None = None  # what its scheduler calls it, where node_rules gave it another name
    gpus_allocatable: int | None = None  # Kubernetes: below gpus_total, the difference is unhealthy
    conditions: tuple[str, ...] = ()  # Kubernetes: what is wrong, "GpuXidError: XID 79 ...", and upgrade states
    taints: tuple[str, ...] = ()  # "nvidia.com/gpu:NoSchedule"
    planes: tuple[Plane, ...] = ()

    @property
    def key(self) -> str:
        return f"{self.cluster}/{self.name}"

    @property
    def is_draining(self) -> bool:
        """Takes no new work, whether or not old work still runs: drained in Slurm, cordoned in Kubernetes."""
        return not OUT_OF_SERVICE.isdisjoint(self.flags)

    @property
    def is_busy(self) -> bool:
        """Work still runs on it."""
        return self.state in ("MIXED", "ALLOCATED") or "COMPLETING" in self.flags

    @property
    def is_down(self) -> bool:
        """The scheduler does not reach it or has given it up."""
        return self.state in ("DOWN", "FAIL") or not UNREACHED.isdisjoint(self.flags)

    @property
    def word(self) -> str:
        """One word for the state, as operators say it: drained, draining, down, idle, mixed, allocated, ..."""
        if "REBOOT_ISSUED" in self.flags:  # Slurm calls it DOWN+DRAIN meanwhile
            return "reboot"
        if self.is_down:
            return "down"
        if "DRAIN" in self.flags:
            return "draining" if self.is_busy else "drained"
        if "CORDON" in self.flags:
            return "cordoned"
        if "REBOOT_REQUESTED" in self.flags:
            return "reboot"
        if "MAINTENANCE" in self.flags:
            return "maint"
        return self.state.lower()


class Job(Entity, frozen=True, array_like=True, gc=False, kw_only=True, tag="job"):
    """One queue entry; an unstarted job array is one entry."""

    kind: ClassVar[Kind] = "job"
    id: str  # as operators type it: 42, 9_0, train/llm; a bundled array shows its array id
    raw_id: str  # the scheduler's own number, used in signals and file names
    name: str
    user: str
    account: str | None = None
    partition: str | None = None
    qos: str | None = None
    state: str  # RUNNING PENDING COMPLETING SUSPENDED ..., upper case
    reason: str | None = None  # why it waits, in the scheduler's word
    array: str | None = None  # "9_[2-4%2]" of a bundled array, else None
    array_tasks: int = 1  # how many tasks this entry stands for
    node_list: str = ""  # folded: gpu[001-064]
    node_count: int | None = None
    gpus: int | None = None
    gpu_map: tuple[tuple[str, tuple[int, ...]], ...] | None = None  # (node, GPU indexes) pairs; None: not known
    requeueable: bool | None = None
    restarts: int | None = None
    priority: int | None = None
    submit_time: float | None = None
    start_time: float | None = None
    end_time: float | None = None
    time_limit_seconds: float | None = None
    work_dir: str | None = None
    std_out: str | None = None
    comment: str | None = None
    checkpoint_time: float | None = None  # when the last complete checkpoint was written, if anybody told
    workload: str | None = None  # Kubernetes: Job, JobSet, Pod, ... with `id` NAMESPACE/NAME; Slurm: None
    managed_by: str | None = None  # "kueue", "volcano": who decides when it runs

    @property
    def key(self) -> str:
        return f"{self.cluster}/{self.id}"

    def elapsed_seconds(self, now: float) -> float | None:
        """Seconds it has run, at `now` (Unix seconds) or until its end; None when it has not started."""
        if self.start_time is None or self.is_pending:
            return None
        end = now if self.is_running or self.end_time is None else self.end_time
        return max(0.0, end - self.start_time)

    @property
    def is_running(self) -> bool:
        """It holds nodes; a suspended job of Slurm does, a suspended workload has no pods."""
        if self.state == "SUSPENDED":
            return self.workload is None
        return self.state in ("RUNNING", "COMPLETING", "CONFIGURING", "STOPPED", "SIGNALING")

    @property
    def is_pending(self) -> bool:
        """It waits, or is kept waiting."""
        if self.state == "SUSPENDED":
            return self.workload is not None
        return self.state in ("PENDING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT")


class Queue(Entity, frozen=True, array_like=True, gc=False, kw_only=True, tag="queue"):
    """A partition (Slurm) or queue: where work waits for nodes."""

    kind: ClassVar[Kind] = "queue"
    name: str
    state: str  # UP DOWN DRAIN INACTIVE
    is_default: bool = False
    node_list: str = ""
    nodes_total: int | None = None
    gpus_total: int | None = None
    priority: int | None = None
    max_time_seconds: float | None = None

    @property
    def key(self) -> str:
        return f"{self.cluster}/{self.name}"


class Alert(Entity, frozen=True, array_like=True, gc=False, kw_only=True, tag="alert"):
    """One alert of a monitoring. What changes at every evaluation (`updatedAt`, `endsAt`) is left out on purpose."""

    kind: ClassVar[Kind] = "alert"
    fingerprint: str
    name: str
    severity: str  # critical warning info none, or the word of the rule where it is none of ours
    state: str  # firing pending silenced inhibited
    since: float
    labels: tuple[tuple[str, str], ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()
    silenced_by: tuple[str, ...] = ()  # ids of silences
    inhibited_by: tuple[str, ...] = ()  # fingerprints of alerts
    receivers: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return f"{self.cluster}/{self.fingerprint}"


class Matcher(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One condition of a silence on one label; a regular expression must match the whole value."""

    name: str
    value: str
    is_regex: bool = False
    is_equal: bool = True

    def __str__(self) -> str:
        """As amtool writes it: `Hostname=~"gpu01.*"`."""
        sign = ("!=", "!~", "=", "=~")[2 * self.is_equal + self.is_regex]
        value = self.value.replace("\\", "\\\\").replace('"', '\\"')
        return f'{self.name}{sign}"{value}"'


class Silence(Entity, frozen=True, array_like=True, gc=False, kw_only=True, tag="silence"):
    """Keeps alerts that match all its matchers from notifying anybody."""

    kind: ClassVar[Kind] = "silence"
    id: str
    state: str  # active pending expired
    matchers: tuple[Matcher, ...]
    starts: float
    ends: float
    created_by: str
    comment: str

    @property
    def key(self) -> str:
        return f"{self.cluster}/{self.id}"


class Target(Entity, frozen=True, array_like=True, gc=False, kw_only=True, tag="target"):
    """A scrape target that fails (`up == 0`). Targets that answer are not listed."""

    kind: ClassVar[Kind] = "target"
    job: str  # name of the scrape job
    instance: str
    host: str | None  # the machine it is about, as its labels name it
    error: str  # what the scrape said, "" when that is not known
    since: float  # when the last good sample was taken, or the failure was first seen
    interval_seconds: float | None = None

    @property
    def key(self) -> str:
        return f"{self.cluster}/{self.job}/{self.instance}"


class Check(Entity, frozen=True, array_like=True, gc=False, kw_only=True, tag="check"):
    """A fact about the monitoring itself, as a source found it: is its own pipeline whole?"""

    kind: ClassVar[Kind] = "check"
    name: str  # "dead-man alert", "alert delivery", "rule evaluation", ...
    state: str  # ok warning critical unknown
    detail: str = ""
    since: float | None = None  # since when it is so, where known

    @property
    def key(self) -> str:
        return f"{self.cluster}/{self.source}/{self.name}"


AnyEntity = Node | Job | Queue | Alert | Silence | Target | Check | Pod | Budget | Event


class Batch(msgspec.Struct, frozen=True, array_like=True, tag="batch"):
    """One observation of one kind. A `complete` batch lists everything of it: what is missing is gone."""

    source: str
    cluster: str
    kind: Kind
    when: float
    upserts: tuple[AnyEntity, ...] = ()
    gone: tuple[str, ...] = ()  # keys
    complete: bool = False


class GpuRows(msgspec.Struct, frozen=True, array_like=True, tag="rows"):
    """The row index that GPU columns share: host `hosts[i]` owns `counts[i]` consecutive rows, GPU 0 first.

    `generation` changes whenever the index does; a column of another generation is dropped. A sample older than
    `stale_after_seconds` is not painted as a value: exporters and scrapes have their own intervals.
    """

    source: str
    cluster: str
    generation: int
    hosts: tuple[str, ...]
    counts: tuple[int, ...]
    stale_after_seconds: float = 60.0


class GpuColumn(msgspec.Struct, frozen=True, array_like=True, tag="column"):
    """One metric over all rows: little-endian float32, NaN is "missing".

    A GPU that its host no longer reports is NaN. A host that reports nothing any more keeps its last values, and their
    `age_seconds` grow.
    """

    source: str
    cluster: str
    generation: int
    metric: str
    when: float
    values: memoryview


class GpuOwners(msgspec.Struct, frozen=True, array_like=True, tag="owners"):
    """Who has each GPU by the labels of its exporter: `job:42`, `pod:NAMESPACE/NAME`, or "" where no label says."""

    source: str
    cluster: str
    generation: int
    when: float
    owners: tuple[str, ...]


class History(msgspec.Struct, frozen=True, array_like=True, tag="history"):
    """Series of one subject that somebody looks at, sampled every `step_seconds` from `start` (Unix seconds).

    Subjects: `host:NAME` with the series `METRIC/GPU` (`util_percent/3`) and `HOSTMETRIC` (`cpu_percent`), and `alerts`
    with one series an alert name, the number that fired. `values` holds the series one after the other as
    little-endian float32, NaN is "no sample".
    """

    source: str
    cluster: str
    subject: str
    when: float
    start: float
    step_seconds: float
    names: tuple[str, ...]
    values: memoryview

    @property
    def points(self) -> int:
        """Samples of each series."""
        return len(self.values) // 4 // len(self.names) if self.names else 0


class RequestLoad(msgspec.Struct, frozen=True, array_like=True):
    """What one repeated request costs: our side measures seconds and bytes, the other side tells its own seconds."""

    what: str  # "util_percent (slim)", "scontrol show node"
    every_seconds: float
    seconds: float  # of the last one, with the network
    size_bytes: int
    rows: int
    server_seconds: float | None = None
    server_samples: int | None = None


class Load(msgspec.Struct, frozen=True, array_like=True, tag="load"):
    """The load that a source puts on what it reads."""

    source: str
    cluster: str
    when: float
    requests: tuple[RequestLoad, ...]


Item = Batch | GpuRows | GpuColumn | GpuOwners | History | Load
"""What a feed yields."""
