"""What a backend offers: a feed (reading) and powers (verbs), each optional.

A feed yields observations and raises only errors of `errors.py`. Interval, retry, staleness and cancellation belong to
the collector's supervisor: a polling feed awaits `pace.turn()` before each poll and knows nothing else about time.
Powers are small Protocols found by `isinstance`. A verb is split in two: building the `Change` is pure, so that the
preview shows exactly what will run; `Applier.apply` runs it and is called by the Runner only.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

import msgspec

from .model import Alert, Item, Job, Matcher, Node, Queue, Silence
from .pods import Pod, PodHit

ResultState = Literal["ok", "failed", "not_sent", "unknown"]

SignalTarget = Literal["batch", "steps"]
"""The batch script alone, or every process of the job's steps."""


class CommandResult(msgspec.Struct, frozen=True):
    """How a command ended. `unknown`: it was sent and no exit status came back, so it may or may not have run."""

    state: ResultState
    exit_status: int | None
    stdout: bytes = b""
    stderr: bytes = b""
    detail: str = ""
    truncated: bool = False


@runtime_checkable
class CommandRunner(Protocol):
    """Runs argument lists somewhere; never a shell string from a caller."""

    @property
    def where(self) -> str:
        """`local` or `ssh:HOST`, for previews and messages."""
        ...

    async def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float,  # noqa: ASYNC109 - the deadline is part of the contract: a timeout is an outcome, not an exception
        env: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
        limit: int = 64 << 20,
    ) -> CommandResult:
        """Run `argv` and return how it ended; at most `limit` bytes of each stream are kept.

        Raises Unreachable or Denied when the place itself could not be reached, before anything was sent.
        """
        ...


class Links(Protocol):
    """Hands out ways to run commands, so that backends need not know each other."""

    def runner(self, via: str) -> CommandRunner:
        """The runner for `local` or `ssh:HOST`. Raises Unsupported for anything else."""
        ...


class Pace(Protocol):
    """The supervisor's clock for pollers."""

    async def turn(self) -> None:
        """Return when the next poll is due; the first call returns at once."""
        ...


class Feed(Protocol):
    """The reading half of a backend."""

    def watch(self, pace: Pace) -> AsyncGenerator[Item, None]:
        """Yield observations until closed. The first complete batch of a kind ends its "loading" state."""
        ...

    async def close(self) -> None:
        """Let go of everything; may be called twice."""
        ...


class Interest(msgspec.Struct, frozen=True):
    """What is on somebody's screen in detail, so that a feed reads more of it and of nothing else.

    `hosts` are machines by the names their scheduler or telemetry has for them.
    """

    hosts: tuple[str, ...] = ()
    alerts: bool = False


@runtime_checkable
class Attentive(Protocol):
    """A feed that reads more of what is looked at: it answers with `History` soon, and at each turn from then on."""

    def attend(self, interest: Interest) -> None:
        """From now on this is looked at. Returns at once; may be called before `watch` and at any time."""
        ...


@runtime_checkable
class OfSeveralSources(Protocol):
    """A feed that speaks for other sources too; what it lists names the one that says so."""

    @property
    def voices(self) -> tuple[str, ...]:
        """Those besides the backend's own name; they are as alive as the feed is."""
        ...


class Change(msgspec.Struct, frozen=True):
    """One change of the cluster, ready to run. `text` is the exact command as an operator would type it.

    `plane` names the power object that runs it where several could; `seconds` is how long it may take, where that is
    longer than a command may (an eviction waits for budgets).
    """

    target: str
    text: str
    argv: tuple[str, ...]
    where: str = "local"
    plane: str = ""
    seconds: float | None = None


class Picture(msgspec.Struct, frozen=True):
    """A fresh reading of one cluster, taken by the executor for previews.

    An Observer fills nodes, jobs and queues; alerts and silences are those of an AlertSilencer.
    """

    nodes: tuple[Node, ...]
    jobs: tuple[Job, ...]
    queues: tuple[Queue, ...]
    when: float
    alerts: tuple[Alert, ...] = ()
    silences: tuple[Silence, ...] = ()
    pods: tuple[Pod, ...] = ()
    unread: tuple[str, ...] = ()  # what could not be read, in words, where the rest is good enough to go on


@runtime_checkable
class Observer(Protocol):
    """Reads the cluster afresh, for previews and for reading back what was done."""

    async def observe(self) -> Picture: ...

    async def observe_nodes(self, names: Sequence[str]) -> tuple[Node, ...]:
        """The named nodes as they are now, in any order; unknown names are left out."""
        ...

    async def observe_jobs(self, ids: Sequence[str]) -> tuple[Job, ...]:
        """The named jobs as they are now, with GPU map, restarts and requeueable; jobs that are gone are left out."""
        ...


@runtime_checkable
class Applier(Protocol):
    """Runs changes. Only the Runner may hold one."""

    async def apply(self, change: Change, *, timeout: float) -> CommandResult: ...  # noqa: ASYNC109


@runtime_checkable
class TellingApplier(Protocol):
    """An Applier that tells how far a long change has come."""

    async def apply_telling(
        self,
        change: Change,
        *,
        timeout: float,  # noqa: ASYNC109
        told: Callable[[str], None],
    ) -> CommandResult:
        """Like `apply`; `told` gets a line whenever there is news: `3 of 8 pods gone, llm-0 waits for budget llm`."""
        ...


@runtime_checkable
class OfPlane(Protocol):
    """A power object that acts on what one source lists; where there is only one of its kind, none needs to say so."""

    @property
    def plane(self) -> str:
        """The `source` of the entities that it can change: `kubernetes`."""
        ...


@runtime_checkable
class OfSeveralPlanes(Protocol):
    """A power object that comes with others, each of another plane."""

    @property
    def others(self) -> tuple[object, ...]: ...


@runtime_checkable
class Reviewer(Protocol):
    """Asks the cluster itself what this operator may do, and who it takes the operator for."""

    async def acting_as(self) -> str:
        """Who we are to the cluster: `oncall (groups: system:authenticated)`. Raises BackendError."""
        ...

    async def refusal(self, verb: str, target: str) -> str | None:
        """Why the cluster would refuse this verb on this target, in its words; None when it would not."""
        ...


@runtime_checkable
class Evictor(Protocol):
    """Moves pods off a node, as their disruption budgets allow."""

    async def pods_on(self, node: str) -> tuple[PodHit, ...]:
        """Every pod of the node and what evicting it would do, asked by a dry run. Raises BackendError."""
        ...

    def evict(self, node: str, pods: Sequence[Pod], *, seconds: float, once: bool) -> Change:
        """The change that evicts these pods, trying again while budgets block until `seconds` have passed, or once."""
        ...


@runtime_checkable
class LogReader(Protocol):
    """Reads what a job printed."""

    async def log_tail(self, job: Job, *, lines: int) -> str:
        """The last lines of the first pod or the output file, not cleaned. Raises BackendError."""
        ...


@runtime_checkable
class NodeMaintainer(Protocol):
    """Takes nodes out of service and back: drains in Slurm, cordons in Kubernetes. A node is called by its name after
    node_rules."""

    def drain(self, node: str, reason: str) -> Change: ...

    def resume(self, node: str) -> Change: ...

    def reboot(self, node: str, reason: str) -> Change: ...


@runtime_checkable
class JobControl(Protocol):
    """Moves jobs between running, waiting, held and gone."""

    def requeue(self, job: str) -> Change: ...

    def requeue_hold(self, job: str) -> Change: ...

    def hold(self, job: str) -> Change: ...

    def release(self, job: str) -> Change: ...

    def cancel(self, job: str) -> Change: ...


class CheckpointFile(msgspec.Struct, frozen=True):
    """A file below a checkpoint directory."""

    path: str
    size_bytes: int
    modified: float
    text: str | None = None  # content of small tracker files (latest, latest_checkpointed_iteration.txt)


@runtime_checkable
class Checkpointer(Protocol):
    """Asks a job to save itself and looks at what it wrote."""

    def signal(self, job: str, signal: str, target: SignalTarget) -> Change:
        """The change that sends `signal` (`USR1`) to the batch script or to the job's steps."""
        ...

    async def caught_signals(self, job: Job, target: SignalTarget) -> frozenset[str] | None:
        """Signals that every process handles which `target` would reach (`{"USR1"}`); None when that cannot be read."""
        ...

    async def checkpoint_files(self, job: Job, directory: str) -> tuple[CheckpointFile, ...]:
        """Files below `directory` as the job's node sees them. Raises Unreachable, Denied, Malformed."""
        ...


class AlertPicture(msgspec.Struct, frozen=True):
    """A fresh and complete reading of alerts and silences; expired silences of the last day are among them."""

    alerts: tuple[Alert, ...]
    silences: tuple[Silence, ...]
    when: float


@runtime_checkable
class AlertSilencer(Protocol):
    """Keeps alerts quiet for a while. The changes are run by the same object's `apply`, and read back here."""

    async def observe_alerts(self) -> AlertPicture:
        """All alerts and silences as they are now. Raises BackendError."""
        ...

    def silence(
        self, target: str, matchers: Sequence[Matcher], *, starts: float, ends: float, author: str, comment: str
    ) -> Change:
        """The change that makes a silence; `starts` and `ends` in Unix seconds."""
        ...

    def extend(self, silence: Silence, *, ends: float, comment: str) -> Change:
        """The change that moves the end of a silence and keeps its id."""
        ...

    def expire(self, silence: Silence) -> Change:
        """The change that ends a silence now."""
        ...


@runtime_checkable
class Terminal(Protocol):
    """An interactive session on a node."""

    async def read(self) -> bytes:
        """The next bytes for the screen; b"" when the session has ended."""
        ...

    def write(self, data: bytes) -> None: ...

    def resize(self, columns: int, rows: int) -> None: ...

    async def wait(self) -> int | None:
        """The exit status, or None when the link was lost."""
        ...

    def close(self) -> None: ...


@runtime_checkable
class ShellOpener(Protocol):
    """Opens terminals on nodes."""

    def shell_text(self, host: str) -> str:
        """What an operator would type for the same shell."""
        ...

    async def open_shell(self, host: str, *, term: str, columns: int, rows: int) -> Terminal: ...


@runtime_checkable
class HostCommands(Protocol):
    """Runs read-only diagnostics on a node."""

    def host_runner(self, host: str) -> CommandRunner: ...


@dataclass(frozen=True, slots=True)
class Context:
    """What a backend is made from. `options` is an instance of the backend's own `Options`.

    `node_name` gives a node's name for what another plane calls it, by the site's rules. `reason_prefix` begins what is
    written in an operator's name.
    """

    cluster: str
    options: Any
    links: Links
    rules: Mapping[str, str] = field(default_factory=dict)
    node_name: Callable[[str], str] = str
    reason_prefix: str = "crashcart"


class Backend(Protocol):
    """What the entry-point group `crashcart.backends` points at."""

    @property
    def name(self) -> str:
        """Name of the configuration table: `[cluster.NAME.slurm]`."""
        ...

    @property
    def options(self) -> type[msgspec.Struct]:
        """The table's shape (`forbid_unknown_fields=True`); a wrong key or type is refused with its place."""
        ...

    def found(self) -> bool:
        """Whether this machine offers it without any configuration."""
        ...

    def feed(self, context: Context) -> Feed | None:
        """The feed, or None where this backend only acts. Must not block and must not do I/O."""
        ...

    def powers(self, context: Context) -> object | None:
        """An object with the Protocols above, or None. Called in the executor only."""
        ...
