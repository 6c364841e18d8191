"""Every verb on the simulated cluster, as the command of Slurm or Alertmanager that the simulation understands."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

import msgspec

from crashcart.backends.contract import (
    Change,
    CheckpointFile,
    CommandResult,
    CommandRunner,
    Context,
    Picture,
    SignalTarget,
    Terminal,
)
from crashcart.backends.errors import BadIdentifier, Malformed
from crashcart.backends.model import Job, Node, Queue
from crashcart.backends.text import clean, job_id, node_name
from crashcart.backends.text import reason as plain_reason

from .client import WorldLink
from .entities import SOURCE
from .kube_half import SMALLEST
from .kube_powers import DemoKubePowers
from .protocol import AskFiles, AskSignals, Caught, Files, Observe, Seen
from .running import run_in_world
from .shell import DemoTerminal
from .silencing import SilencePowers

SIGNALS = frozenset({"HUP", "INT", "TERM", "KILL", "USR1", "USR2", "CONT", "STOP", "QUIT"})


class DemoPowers(SilencePowers):
    """All powers of the contract. Building a change does no I/O."""

    plane = SOURCE

    def __init__(self, context: Context) -> None:
        super().__init__(context.cluster, WorldLink(context.options))
        has_kube = context.options.kubernetes and context.options.nodes >= SMALLEST
        self._others = (DemoKubePowers(context),) if has_kube else ()

    @property
    def others(self) -> tuple[object, ...]:
        """The powers of the Kubernetes half, where the cluster has one."""
        return self._others

    async def close(self) -> None:
        """Let go of the simulation; may be called twice."""
        await self._link.close()

    # Observer

    async def observe(self) -> Picture:
        seen = await self._link.ask(Observe(None, None), Seen)
        return Picture(self._nodes(seen), self._jobs(seen), self._queues(seen), seen.when)

    async def observe_nodes(self, names: Sequence[str]) -> tuple[Node, ...]:
        return self._nodes(await self._link.ask(Observe(tuple(map(node_name, names)), ()), Seen))

    async def observe_jobs(self, ids: Sequence[str]) -> tuple[Job, ...]:
        return self._jobs(await self._link.ask(Observe((), tuple(map(job_id, ids))), Seen))

    def _nodes(self, seen: Seen) -> tuple[Node, ...]:
        return tuple(msgspec.structs.replace(node, cluster=self._cluster) for node in seen.nodes)

    def _jobs(self, seen: Seen) -> tuple[Job, ...]:
        return tuple(msgspec.structs.replace(job, cluster=self._cluster) for job in seen.jobs)

    def _queues(self, seen: Seen) -> tuple[Queue, ...]:
        return tuple(msgspec.structs.replace(queue, cluster=self._cluster) for queue in seen.queues)

    # Applier

    async def apply(self, change: Change, *, timeout: float) -> CommandResult:  # noqa: ASYNC109
        return await run_in_world(self._link, "", change.argv, timeout)

    # NodeMaintainer

    def drain(self, node: str, reason: str) -> Change:
        name = node_name(node)
        return _change(name, "scontrol", "update", f"nodename={name}", "state=drain", f"reason={plain_reason(reason)}")

    def resume(self, node: str) -> Change:
        name = node_name(node)
        return _change(name, "scontrol", "update", f"nodename={name}", "state=resume")

    def reboot(self, node: str, reason: str) -> Change:
        name, why = node_name(node), plain_reason(reason)
        return _change(name, "scontrol", "reboot", "ASAP", "nextstate=RESUME", f"reason={why}", name)

    # JobControl

    def requeue(self, job: str) -> Change:
        return _change(job_id(job), "scontrol", "requeue", job)

    def requeue_hold(self, job: str) -> Change:
        return _change(job_id(job), "scontrol", "requeuehold", job)

    def hold(self, job: str) -> Change:
        return _change(job_id(job), "scontrol", "hold", job)

    def release(self, job: str) -> Change:
        return _change(job_id(job), "scontrol", "release", job)

    def cancel(self, job: str) -> Change:
        return _change(job_id(job), "scancel", job)

    # Checkpointer

    def signal(self, job: str, signal: str, target: SignalTarget) -> Change:
        if signal not in SIGNALS:
            raise BadIdentifier(f"{clean(signal, limit=40)!r} is not a signal that can be sent; use USR1, USR2 or TERM")
        batch = ("--batch",) if target == "batch" else ()
        return _change(job_id(job), "scancel", f"--signal={signal}", *batch, job)

    async def caught_signals(self, job: Job, target: SignalTarget) -> frozenset[str] | None:
        caught = await self._link.ask(AskSignals(job.id), Caught)
        return None if caught.signals is None else frozenset(caught.signals)

    async def checkpoint_files(self, job: Job, directory: str) -> tuple[CheckpointFile, ...]:
        """Files below `directory`, their paths relative to it."""
        listed = await self._link.ask(AskFiles(job.id, directory), Files)
        if listed.why:
            raise Malformed(clean(listed.why))
        return tuple(CheckpointFile(file.path, file.size_bytes, file.modified, file.text) for file in listed.files)

    # ShellOpener

    def shell_text(self, host: str) -> str:
        return shlex.join(("ssh", "-t", node_name(host)))

    async def open_shell(self, host: str, *, term: str, columns: int, rows: int) -> Terminal:
        runner = self.host_runner(host)
        await runner.run(("true",), timeout=10.0)  # a node that cannot be reached has no shell to open
        return DemoTerminal(runner, host, columns, rows)

    # HostCommands

    def host_runner(self, host: str) -> CommandRunner:
        return HostRunner(self._link, node_name(host))


class HostRunner:
    """Runs commands on one simulated node."""

    def __init__(self, link: WorldLink, host: str) -> None:
        self._link = link
        self._host = host

    @property
    def where(self) -> str:
        return f"ssh:{self._host}"

    async def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float,  # noqa: ASYNC109
        env: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
        limit: int = 64 << 20,
    ) -> CommandResult:
        return await run_in_world(self._link, self._host, tuple(argv), timeout, limit=limit)


def _change(target: str, *argv: str) -> Change:
    return Change(target=target, text=shlex.join(argv), argv=argv, where="demo")
