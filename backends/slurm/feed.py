"""Reads the whole of one Slurm cluster at each turn: the poll set that stays cheap at 10,000 nodes.

`sinfo -N` grows faster than the cluster and JSON costs ten times the memory, so nodes come from one
`scontrol show node`, jobs from one `squeue`, and what squeue cannot tell is asked only when the running jobs changed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator

from crashcart.backends.contract import Context, Pace
from crashcart.backends.errors import Unreachable
from crashcart.backends.model import Batch, Item, Job

from .client import SlurmClient
from .parse_jobs import SQUEUE_FORMAT, JobDetail, parse_details, parse_squeue, with_detail
from .parse_nodes import parse_nodes
from .parse_queues import parse_ping, parse_queues

NODES = ("scontrol", "show", "node", "-d", "-o")
JOBS = ("squeue", "-h", "-o", SQUEUE_FORMAT)
DETAILS = ("scontrol", "show", "job", "-d", "-o")
QUEUES = ("scontrol", "show", "partition", "-o")
PING = ("scontrol", "ping")

DETAILS_SECONDS = 60.0
"""Details are asked anew after this long even when the same jobs run: a comment or restart may have changed."""


class SlurmFeed:
    """The reading half of the backend."""

    def __init__(self, context: Context) -> None:
        self._cluster = context.cluster
        self._client = SlurmClient(context)
        self._details: dict[str, JobDetail] = {}
        self._detailed: frozenset[tuple[str, str]] = frozenset()
        self._detailed_at = 0.0

    async def watch(self, pace: Pace) -> AsyncGenerator[Item, None]:
        """Yield nodes, jobs and queues, each listed completely."""
        while True:
            await pace.turn()
            for batch in await self._poll():
                yield batch

    async def close(self) -> None:
        """Nothing is held between turns."""

    async def _poll(self) -> list[Batch]:
        when = time.time()
        ask = self._client.ask
        try:
            nodes, jobs, queues = await asyncio.gather(ask(*NODES), ask(*JOBS), ask(*QUEUES))
        except Unreachable as error:
            raise await self._explained(error) from error
        parsed_nodes = parse_nodes(nodes, cluster=self._cluster, when=when)
        parsed_jobs = await self._detail(parse_squeue(jobs, cluster=self._cluster, when=when))
        parsed_queues = parse_queues(queues, cluster=self._cluster, when=when)
        return [
            Batch("slurm", self._cluster, "node", when, parsed_nodes, complete=True),
            Batch("slurm", self._cluster, "queue", when, parsed_queues, complete=True),
            Batch("slurm", self._cluster, "job", when, parsed_jobs, complete=True),
        ]

    async def _explained(self, error: Unreachable) -> Unreachable:
        """Ask which controller is down, so that the operator need not."""
        try:
            result = await self._client.run(PING, seconds=5.0)
        except Unreachable:
            return error
        down = [host for host, is_up in parse_ping(result.stdout) if not is_up]
        return Unreachable(f"slurmctld on {', '.join(down)} is down: {error}") if down else error

    async def _detail(self, jobs: tuple[Job, ...]) -> tuple[Job, ...]:
        running = frozenset((job.raw_id, job.node_list) for job in jobs if job.is_running)
        age = time.monotonic() - self._detailed_at
        if running != self._detailed or age > DETAILS_SECONDS:
            self._details = parse_details(await self._client.ask(*DETAILS)) if jobs else {}
            self._detailed, self._detailed_at = running, time.monotonic()
        return tuple(with_detail(job, self._details.get(job.raw_id)) for job in jobs)
