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
from crashcart.backends.errors import BadIdentifier, Malformed
from crashcart.backends.model import Job, Node
from crashcart.backends.text import job_id, node_name
from crashcart.backends.text import reason as checked_reason

from . import checkpoints
from .answers import explained
from .client import SlurmClient, failure, is_gone
from .feed import DETAILS, NODES, QUEUES, new_token
from .parse_details import parse_details, with_detail
from .parse_jobs import Listing, parse_squeue, squeue
from .parse_nodes import parse_nodes
from .parse_queues import parse_queues, with_gpus

SIGNALS = frozenset({"USR1", "USR2", "TERM", "INT", "HUP", "CONT"})
EVERYTHING = "ALL"
"""What Slurm takes for all nodes of the cluster, in any case, where the name of one is meant."""

_NAMES_AT_ONCE = 12
"""Names of at most 254 letters that surely fit one argument."""

_IDS_AT_ONCE = 100
"""Ids of at most 23 digits that surely fit one argument."""

_JOBS_BY_ONE = 4
"""`scontrol show job` takes one id or lists all; for more ids than this the one listing is cheaper."""


class SlurmPowers:
    """Verbs and readings; building a change does no I/O."""

    plane = "slurm"

    def __init__(self, context: Context) -> None:
        self._cluster = context.cluster
        self._client = SlurmClient(context)
        self._context = context

    # reading

    async def observe(self) -> Picture:
        """The whole cluster, afresh."""
        when, token = time.time(), new_token()
        nodes, jobs, details, queues = await self._client.ask_all(NODES, squeue(token), DETAILS, QUEUES)
        listed_nodes = parse_nodes(nodes, cluster=self._cluster, when=when)
        listing = parse_squeue(jobs, token=token, cluster=self._cluster, when=when)
        return Picture(
            nodes=listed_nodes,
            jobs=_detailed(listing, details),
            queues=with_gpus(parse_queues(queues, cluster=self._cluster, when=when), listed_nodes),
            when=when,
        )

    async def observe_nodes(self, names: Sequence[str]) -> tuple[Node, ...]:
        """The named nodes, afresh; names that Slurm does not know are left out."""
        wanted = [_one_node(name) for name in names]
        parts = [wanted[start : start + _NAMES_AT_ONCE] for start in range(0, len(wanted), _NAMES_AT_ONCE)]
        if len(parts) > 1:
            found = parse_nodes(await self._client.ask(*NODES), cluster=self._cluster, when=time.time())
            return tuple(node for node in found if node.name in set(wanted))
        return await self._nodes(parts[0]) if parts else ()

    async def _nodes(self, names: Sequence[str]) -> tuple[Node, ...]:
        when = time.time()
        words = (*NODES, ",".join(names))
        result = await self._client.run(words)
        if result.state != "ok" and not (result.state == "failed" and b"not found" in result.stdout + result.stderr):
            raise failure(result, words, self._client.runner.where)
        return parse_nodes(result.stdout, cluster=self._cluster, when=when)

    async def observe_jobs(self, ids: Sequence[str]) -> tuple[Job, ...]:
        """The named jobs, afresh and with details; jobs that are gone from slurmctld's memory are left out."""
        wanted = [job_id(one) for one in ids]
        parts = [wanted[start : start + _IDS_AT_ONCE] for start in range(0, len(wanted), _IDS_AT_ONCE)]
        return tuple([job for part in parts for job in await self._jobs(part)])

    async def _jobs(self, ids: Sequence[str]) -> tuple[Job, ...]:
        when, token = time.time(), new_token()
        words = squeue(token, "--states=all", "-j", ",".join(ids))
        listed = await self._client.run(words)
        if is_gone(listed):
            return ()
        if listed.state != "ok":
            raise failure(listed, words, self._client.runner.where)
        listing = parse_squeue(listed.stdout, token=token, cluster=self._cluster, when=when)
        return _detailed(listing, await self._details(ids)) if listing.jobs else ()

    async def _details(self, ids: Sequence[str]) -> bytes:
        if len(ids) > _JOBS_BY_ONE:
            return await self._client.ask(*DETAILS)
        told = await asyncio.gather(*(self._client.run((*DETAILS, one)) for one in ids))
        return b"".join(result.stdout for result in told if result.state == "ok")

    # changing

    async def apply(self, change: Change, *, timeout: float) -> CommandResult:  # noqa: ASYNC109
        """Run a change. Raises Denied when Slurm refuses us, Unreachable when it never heard of it.

        Every other end is a value; where slurmctld did not answer in time it is `unknown`, for it may do it yet.
        """
        result = await self._client.run(change.argv, seconds=timeout)
        return explained(result, change, self._client.runner.where)

    def _change(self, target: str, *argv: str) -> Change:
        return Change(target, shlex.join(argv), argv, self._client.options.via)

    def drain(self, node: str, reason: str) -> Change:
        """No new work on the node."""
        words = ("state=drain", f"reason={checked_reason(reason)}")
        return self._change(node, "scontrol", "update", f"nodename={_one_node(node)}", *words)

    def resume(self, node: str) -> Change:
        """Back into service."""
        return self._change(node, "scontrol", "update", f"nodename={_one_node(node)}", "state=resume")

    def reboot(self, node: str, reason: str) -> Change:
        """Reboot as soon as the node is empty, then resume it."""
        words = ("scontrol", "reboot", "ASAP", "nextstate=RESUME", f"reason={checked_reason(reason)}", _one_node(node))
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
        caught = await checkpoints.caught_signals(self._client, self._on_node, job, host, target)
        if caught is None and self._client.options.via == "local":  # this machine may be a login node
            return await checkpoints.caught_signals(self._client, self._over_ssh, job, host, target)
        return caught

    async def checkpoint_files(self, job: Job, directory: str) -> tuple[CheckpointFile, ...]:
        """Files below `directory`: here when Slurm's commands run here, else as the job's first node sees them."""
        host = checkpoints.first_node(job)
        runner = self._client.runner if host is None else self._on_node(host)
        return await checkpoints.files(runner, directory)

    def _on_node(self, host: str) -> CommandRunner:
        return self._client.runner if self._client.options.via == "local" else self._over_ssh(host)

    def _over_ssh(self, host: str) -> CommandRunner:
        template = self._context.rules.get("ssh_host", "{node}")
        return self._context.links.runner(f"ssh:{template.replace('{node}', node_name(host))}")


def _one_node(name: str) -> str:
    """The name of one node. Raises BadIdentifier, also for the word that means all of them."""
    if node_name(name).upper() == EVERYTHING:
        raise BadIdentifier(f"{name!r} means every node of the cluster; name the nodes")
    return name


def _detailed(listing: Listing, details: bytes) -> tuple[Job, ...]:
    detail = parse_details(details, listing.free_text)
    return tuple(with_detail(job, detail.get(job.raw_id)) for job in listing.jobs)
