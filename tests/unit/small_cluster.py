"""A cluster of a few nodes that keeps its state in memory and does what it is told, or fails as it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from msgspec.structs import replace

from crashcart.backends.contract import (
    Change,
    CheckpointFile,
    CommandResult,
    CommandRunner,
    Picture,
    ResultState,
    SignalTarget,
    Terminal,
)
from crashcart.backends.errors import Denied, Unreachable
from crashcart.backends.model import Job, Node

NOW = 1_700_000_000.0


class SmallTerminal:
    """A terminal that shows what is typed; a line `exit N` ends it."""

    def __init__(self) -> None:
        self._shown: asyncio.Queue[bytes] = asyncio.Queue()
        self.size = (0, 0)
        self.status: int | None = None
        self._shown.put_nowait(b"$ ")

    async def read(self) -> bytes:
        return await self._shown.get()

    def write(self, data: bytes) -> None:
        if data.startswith(b"exit "):
            self.status = int(data.split()[1])
            self._shown.put_nowait(b"")
        elif data == b"cut":
            self._shown.put_nowait(b"")
        else:
            self._shown.put_nowait(data)

    def resize(self, columns: int, rows: int) -> None:
        self.size = (columns, rows)

    async def wait(self) -> int | None:
        return self.status

    def close(self) -> None:
        self._shown.put_nowait(b"")


class SmallCluster:
    """All powers in one object. `faults` maps a target to how its next changes go wrong."""

    def __init__(self, nodes: Sequence[Node] = (), jobs: Sequence[Job] = ()) -> None:
        self.nodes = {node.name: node for node in nodes}
        self.jobs = {job.id: job for job in jobs}
        self.applied: list[Change] = []
        self.faults: dict[str, list[Fault]] = {}
        self.is_cut = False
        self.observed = 0
        self.running_now = 0
        self.most_at_once = 0
        self.caught: frozenset[str] | None = frozenset({"USR1", "TERM"})
        self.directory_is_gone = False
        self.files: list[CheckpointFile] = []
        self.on_signal: Callable[[], None] = lambda: None
        self.on_apply: Callable[[], None] = lambda: None  # what else happens to the cluster meanwhile
        self.terminal = SmallTerminal()
        self.shell_is_refused = False
        self.command = CommandResult("ok", 0, b"GPU 0: fine\n")

    # reading

    async def observe(self) -> Picture:
        self._reach()
        return Picture(tuple(self.nodes.values()), tuple(self.jobs.values()), (), NOW)

    async def observe_nodes(self, names: Sequence[str]) -> tuple[Node, ...]:
        self._reach()
        return tuple(self.nodes[name] for name in names if name in self.nodes)

    async def observe_jobs(self, ids: Sequence[str]) -> tuple[Job, ...]:
        self._reach()
        return tuple(self.jobs[job] for job in ids if job in self.jobs)

    def _reach(self) -> None:
        self.observed += 1
        if self.is_cut:
            raise Unreachable("small: the link is cut")

    # changing

    async def apply(self, change: Change, *, timeout: float) -> CommandResult:  # noqa: ASYNC109
        self.applied.append(change)
        self.running_now += 1
        self.most_at_once = max(self.most_at_once, self.running_now)
        await asyncio.sleep(0)
        self.running_now -= 1
        self.on_apply()
        waiting = self.faults.get(change.target)
        fault = waiting.pop(0) if waiting else "none"
        if fault == "bug":
            raise RuntimeError("a bug in a backend")
        if fault == "unreachable":
            raise Unreachable("small: connection refused")
        if fault not in ("refused", "not-sent", "lost-before", "no-effect"):
            self._do(change)
        state: ResultState = "ok"
        if fault == "refused":
            return CommandResult("failed", 1, b"", b"slurm_update error: Invalid user id\n")
        if fault == "not-sent":
            state = "not_sent"
        elif fault in ("lost-before", "lost-after", "cut"):
            state = "unknown"
        self.is_cut = self.is_cut or fault == "cut"
        return CommandResult(state, 0 if state == "ok" else None)

    def _do(self, change: Change) -> None:
        verb, *rest = change.argv
        if verb in ("drain", "resume", "reboot"):
            self._change_node(verb, change.target, rest)
        elif verb == "signal":
            self.on_signal()
        else:
            self._change_job(verb, change.target)

    def _change_node(self, verb: str, name: str, rest: list[str]) -> None:
        node = self.nodes[name]
        if verb == "drain":
            flags = tuple(sorted({*node.flags, "DRAIN"}))
            self.nodes[name] = replace(node, flags=flags, reason=rest[0], reason_by="slurm")
        elif verb == "resume":
            self.nodes[name] = replace(node, state="IDLE", flags=(), reason=None)
        else:
            self.nodes[name] = replace(node, flags=("REBOOT_REQUESTED",), reason=rest[0])

    def _change_job(self, verb: str, name: str) -> None:
        job = self.jobs[name]
        if verb == "cancel":
            del self.jobs[name]
        elif verb in ("requeue", "requeue-hold"):
            held = verb == "requeue-hold"
            self.jobs[name] = replace(
                job,
                state="PENDING",
                reason="JobHeldAdmin" if held else "BeginTime",
                priority=0 if held else 100,
                restarts=(job.restarts or 0) + 1,
                start_time=None,
                node_list="",
            )
        elif verb == "hold":
            self.jobs[name] = replace(job, priority=0, reason="JobHeldAdmin")
        else:
            self.jobs[name] = replace(job, priority=100, reason="Priority")

    def drain(self, node: str, reason: str) -> Change:
        return Change(node, f"scontrol update nodename={node} state=drain reason='{reason}'", ("drain", reason))

    def resume(self, node: str) -> Change:
        return Change(node, f"scontrol update nodename={node} state=resume", ("resume",))

    def reboot(self, node: str, reason: str) -> Change:
        return Change(node, f"scontrol reboot ASAP nextstate=RESUME {node}", ("reboot", reason))

    def requeue(self, job: str) -> Change:
        return Change(job, f"scontrol requeue {job}", ("requeue",))

    def requeue_hold(self, job: str) -> Change:
        return Change(job, f"scontrol requeuehold {job}", ("requeue-hold",))

    def hold(self, job: str) -> Change:
        return Change(job, f"scontrol hold {job}", ("hold",))

    def release(self, job: str) -> Change:
        return Change(job, f"scontrol release {job}", ("release",))

    def cancel(self, job: str) -> Change:
        return Change(job, f"scancel {job}", ("cancel",))

    # checkpoints

    def signal(self, job: str, signal: str, target: Literal["batch", "steps"]) -> Change:
        return Change(job, f"scancel --signal={signal} --{target} {job}", ("signal", signal, target))

    async def caught_signals(self, job: Job, target: SignalTarget) -> frozenset[str] | None:
        return self.caught

    async def checkpoint_files(self, job: Job, directory: str) -> tuple[CheckpointFile, ...]:
        self._reach()
        if self.directory_is_gone:
            raise Unreachable("small: no such directory")
        return tuple(self.files)

    # hosts

    def shell_text(self, host: str) -> str:
        return f"ssh {host}"

    async def open_shell(self, host: str, *, term: str, columns: int, rows: int) -> Terminal:
        if self.shell_is_refused:
            raise Denied("small: port 22 refused us")
        self.terminal.resize(columns, rows)
        return self.terminal

    def host_runner(self, host: str) -> CommandRunner:
        return SmallRunner(self)


class SmallRunner:
    """Answers every command alike."""

    where = "ssh:small"

    def __init__(self, cluster: SmallCluster) -> None:
        self._cluster = cluster

    async def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float,  # noqa: ASYNC109
        env: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
        limit: int = 64 << 20,
    ) -> CommandResult:
        self._cluster._reach()
        return self._cluster.command


Fault = Literal["none", "refused", "not-sent", "lost-before", "lost-after", "cut", "no-effect", "unreachable", "bug"]


def node(name: str, state: str = "IDLE", *flags: str, reason: str | None = None) -> Node:
    """A node of partition train."""
    return Node(
        cluster="small",
        source="slurm",
        when=NOW,
        name=name,
        state=state,
        flags=tuple(sorted(flags)),
        reason=reason,
        partitions=("train",),
        gpus_total=8,
    )


def job(job_id: str, state: str = "RUNNING", nodes: str = "gpu001", user: str = "bob") -> Job:
    """A job of 8 GPUs that has run for an hour and saved itself half an hour ago."""
    runs = state == "RUNNING"
    return Job(
        cluster="small",
        source="slurm",
        when=NOW,
        id=job_id,
        raw_id=job_id,
        name=f"train-{job_id}",
        user=user,
        partition="train",
        state=state,
        node_list=nodes if runs else "",
        node_count=1,
        gpus=8,
        requeueable=True,
        restarts=0,
        priority=100,
        start_time=NOW - 3600 if runs else None,
        checkpoint_time=NOW - 1800 if runs else None,
        work_dir="/home/bob",
    )
