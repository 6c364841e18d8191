"""Changes a Slurm cluster and reads it back, by the same commands an operator would type."""

from __future__ import annotations

import asyncio
import shlex
import time
from collections.abc import Sequence

from crashcart.backends.contract import (
    Change,
    CheckpointFile,
    CommandResult,
    CommandRunner,
    Context,
    Picture,
    SignalTarget,
)
from crashcart.backends.errors import Denied, Malformed
from crashcart.backends.model import Job, Node
from crashcart.backends.text import job_id, node_name, reason

from . import checkpoints
from .client import SlurmClient, failure, is_gone
from .feed import DETAILS, JOBS, NODES, QUEUES
from .parse_jobs import SQUEUE_FORMAT, parse_details, parse_squeue, with_detail
from .parse_nodes import parse_nodes
from .parse_queues import parse_queues

SIGNALS = frozenset({"USR1", "USR2", "TERM", "INT", "HUP", "CONT"})
_TOO_MANY_FOR_ONE_LINE = 200


class SlurmPowers:
    """Verbs and readings; building a change does no I/O."""

    def __init__(self, context: Context) -> None:
        self._cluster = context.cluster
        self._client = SlurmClient(context)
        self._context = context

    # reading

    async def observe(self) -> Picture:
        """The whole cluster, afresh."""
        when = time.time()
        ask = self._client.ask
        nodes, jobs, details, queues = await asyncio.gather(ask(*NODES), ask(*JOBS), ask(*DETAILS), ask(*QUEUES))
        detail = parse_details(details)
        parsed = parse_squeue(jobs, cluster=self._cluster, when=when)
        return Picture(
            nodes=parse_nodes(nodes, cluster=self._cluster, when=when),
            jobs=tuple(with_detail(job, detail.get(job.raw_id)) for job in parsed),
            queues=parse_queues(queues, cluster=self._cluster, when=when),
            when=when,
        )

    async def observe_nodes(self, names: Sequence[str]) -> tuple[Node, ...]:
        """The named nodes, afresh; names that Slurm does not know are left out."""
        wanted = [node_name(name) for name in names]
        if len(wanted) > _TOO_MANY_FOR_ONE_LINE:
            found = await self._nodes(NODES)
            return tuple(node for node in found if node.name in set(wanted))
        answers = await asyncio.gather(*(self._one_node(name) for name in wanted))
        return tuple(node for answer in answers for node in answer)

    async def _one_node(self, name: str) -> tuple[Node, ...]:
        words = ("scontrol", "show", "node", name, "-d", "-o")
        result = await self._client.run(words)
        if is_gone(result) or b"not found" in result.stdout + result.stderr:
            return ()
        if result.state != "ok":
            raise failure(result, words, self._client.runner.where)
        return parse_nodes(result.stdout, cluster=self._cluster, when=time.time())

    async def _nodes(self, words: Sequence[str]) -> tuple[Node, ...]:
        return parse_nodes(await self._client.ask(*words), cluster=self._cluster, when=time.time())

    async def observe_jobs(self, ids: Sequence[str]) -> tuple[Job, ...]:
        """The named jobs, afresh and with details; jobs that are gone from slurmctld's memory are left out."""
        answers = await asyncio.gather(*(self._jobs(job_id(one)) for one in ids))
        return tuple(job for answer in answers for job in answer)

    async def _jobs(self, wanted: str) -> tuple[Job, ...]:
        when = time.time()
        listing = ("squeue", "-h", "--states=all", "-o", SQUEUE_FORMAT, "-j", wanted)
        detail = ("scontrol", "show", "job", wanted, "-d", "-o")
        listed, told = await asyncio.gather(self._client.run(listing), self._client.run(detail))
        if is_gone(listed) or (listed.state == "ok" and not listed.stdout.strip()):
            return ()
        if listed.state != "ok":
            raise failure(listed, listing, self._client.runner.where)
        details = parse_details(told.stdout) if told.state == "ok" else {}
        jobs = parse_squeue(listed.stdout, cluster=self._cluster, when=when)
        return tuple(with_detail(job, details.get(job.raw_id)) for job in jobs)

    # changing

    async def apply(self, change: Change, *, timeout: float) -> CommandResult:  # noqa: ASYNC109
        """Run a change. Raises Denied when Slurm refuses us; every other end is a value."""
        result = await self._client.run(change.argv, seconds=timeout)
        if result.state == "failed":
            error = failure(result, change.argv, self._client.runner.where)
            if isinstance(error, Denied):
                raise error
        return result

    def _change(self, target: str, *argv: str) -> Change:
        return Change(target, shlex.join(argv), argv, self._client.options.via)

    def drain(self, node: str, why: str) -> Change:
        """No new work on the node."""
        words = ("state=drain", f"reason={reason(why)}")
        return self._change(node, "scontrol", "update", f"nodename={node_name(node)}", *words)

    def resume(self, node: str) -> Change:
        """Back into service."""
        return self._change(node, "scontrol", "update", f"nodename={node_name(node)}", "state=resume")

    def reboot(self, node: str, why: str) -> Change:
        """Reboot as soon as the node is empty, then resume it."""
        words = ("scontrol", "reboot", "ASAP", "nextstate=RESUME", f"reason={reason(why)}", node_name(node))
        return self._change(node, *words)

    def requeue(self, job: str) -> Change:
        return self._change(job, "scontrol", "requeue", job_id(job))

    def requeue_hold(self, job: str) -> Change:
        return self._change(job, "scontrol", "requeuehold", job_id(job))

    def hold(self, job: str) -> Change:
        return self._change(job, "scontrol", "hold", job_id(job))

    def release(self, job: str) -> Change:
        return self._change(job, "scontrol", "release", job_id(job))

    def cancel(self, job: str) -> Change:
        return self._change(job, "scancel", job_id(job))

    # checkpoints

    def signal(self, job: str, signal: str, target: SignalTarget) -> Change:
        """Send a signal to the batch script, or to the steps (without `--batch` the script gets nothing)."""
        if signal not in SIGNALS:
            raise Malformed(f"{signal!r} is not one of {', '.join(sorted(SIGNALS))}")
        words = ("--batch",) if target == "batch" else ()
        return self._change(job, "scancel", f"--signal={signal}", *words, job_id(job))

    async def caught_signals(self, job: Job, target: SignalTarget) -> frozenset[str] | None:
        """Signals handled by every process that `target` reaches on the first node; None when it cannot be read."""
        host = checkpoints.first_node(job)
        if host is None:
            return None
        return await checkpoints.caught_signals(self._client, self._on_node(host), job, host, target)

    async def checkpoint_files(self, job: Job, directory: str) -> tuple[CheckpointFile, ...]:
        """Files below `directory`, as the job's first node sees them."""
        host = checkpoints.first_node(job)
        runner = self._client.runner if host is None else self._on_node(host)
        return await checkpoints.files(runner, directory)

    def _on_node(self, host: str) -> CommandRunner:
        """Where a node's processes and files are seen: over SSH, or here when this machine is all the cluster has."""
        links = self._context.links
        if self._client.options.via == "local":
            return links.runner("local")
        template = self._context.rules.get("ssh_host", "{node}")
        return links.runner(f"ssh:{template.replace('{node}', host)}")
