"""Reads the whole of one Slurm cluster at each turn: the poll set that stays cheap at 10,000 nodes.

`sinfo -N` grows faster than the cluster and JSON costs ten times the memory, so nodes come from one
`scontrol show node`, jobs from one `squeue`, and what squeue cannot tell is asked only when the running jobs changed.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncGenerator

from crashcart.backends.contract import Context, Pace
from crashcart.backends.model import Batch, Item, Job

from .client import SlurmClient
from .parse_details import JobDetail, parse_details, with_detail
from .parse_jobs import Listing, parse_squeue, squeue
from .parse_nodes import parse_nodes
from .parse_queues import parse_queues, with_gpus

NODES = ("scontrol", "show", "node", "-d", "-o")
DETAILS = ("scontrol", "show", "job", "-a", "-d", "-o")
QUEUES = ("scontrol", "show", "partition", "-a", "-o")

DETAILS_SECONDS = 60.0
"""Details are asked anew after this long even when the same jobs run: a comment may have changed."""


def new_token() -> str:
    """What parts rows of squeue for one poll; a name chosen before it cannot hold it."""
    return f"~{secrets.token_hex(4)}~"


class SlurmFeed:
    """The reading half of the backend."""

    def __init__(self, context: Context) -> None:
        self._cluster = context.cluster
        self._client = SlurmClient(context)
        self._details: dict[str, JobDetail] = {}
        self._detailed: frozenset[tuple[str, float | None]] | None = None
        self._detailed_at = 0.0

    async def watch(self, pace: Pace) -> AsyncGenerator[Item, None]:
        """Yield nodes, queues and jobs, each listed completely."""
        while True:
            await pace.turn()
            for batch in await self._poll():
                yield batch

    async def close(self) -> None:
        """Nothing is held between turns."""

    async def _poll(self) -> list[Batch]:
        when = time.time()
        token = new_token()
        nodes, jobs, queues = await self._client.ask_all(NODES, squeue(token), QUEUES)
        listed_nodes = parse_nodes(nodes, cluster=self._cluster, when=when)
        listed_queues = with_gpus(parse_queues(queues, cluster=self._cluster, when=when), listed_nodes)
        listed_jobs = await self._detailed_jobs(parse_squeue(jobs, token=token, cluster=self._cluster, when=when))
        return [
            Batch("slurm", self._cluster, "node", when, listed_nodes, complete=True),
            Batch("slurm", self._cluster, "queue", when, listed_queues, complete=True),
            Batch("slurm", self._cluster, "job", when, listed_jobs, complete=True),
        ]

    async def _detailed_jobs(self, listing: Listing) -> tuple[Job, ...]:
        """The jobs with details; a job that started since they were asked has changed them, a waiting one has not."""
        running = frozenset((job.raw_id, job.start_time) for job in listing.jobs if job.is_running)
        age = time.monotonic() - self._detailed_at
        if running != self._detailed or age > DETAILS_SECONDS:
            self._details = parse_details(await self._client.ask(*DETAILS), listing.free_text) if listing.jobs else {}
            self._detailed, self._detailed_at = running, time.monotonic()
        return tuple(with_detail(job, self._details.get(job.raw_id)) for job in listing.jobs)
