"""Who has each GPU by the labels of its exporter: the Slurm job, or the pod in Kubernetes."""

from __future__ import annotations

import time

from msgspec.structs import astuple

from crashcart.backends.model import GpuOwners
from crashcart.backends.text import JOB_ID, clean

from .desk import SOURCE, Desk
from .gpus import GpuReader

OWNERS_SECONDS = 60.0
LABELS = ("hpc_job", "job_id", "exported_pod", "pod", "exported_namespace", "namespace")
_TEXT = 300


class OwnerReader:
    """One grouped query a minute."""

    def __init__(self, desk: Desk, gpus: GpuReader) -> None:
        self._desk = desk
        self._gpus = gpus
        self._asked = float("-inf")
        self._generation = 0

    async def read(self) -> GpuOwners | None:
        """Owners of all rows; None when it is not their turn, or nobody told."""
        presence, fleet, desk = self._gpus.presence, self._gpus.fleet, self._desk
        is_new = fleet.generation != self._generation
        if presence is None or (not is_new and time.monotonic() - self._asked < OWNERS_SECONDS):
            return None
        self._asked, self._generation = time.monotonic(), fleet.generation
        query = desk.promql.owners(presence, LABELS)
        answer = await desk.attempt("owners", desk.client.vector("owners", query, (*desk.promql.by, *LABELS)))
        if answer is None:
            return None
        exporters = await self._exporter_pods()
        width = len(desk.promql.by)
        labels = [astuple(row.metric) for row in answer.result]
        rows, has_grown = fleet.place([one[:width] for one in labels])
        if has_grown:  # the rows that readers have are older; the next turn tells
            self._generation = 0
            return None
        owners = [""] * fleet.size
        for row, one in zip(rows, labels, strict=True):
            if row >= 0:
                owners[row] = owners[row] or owner_of(one[width:], exporters)
        return GpuOwners(SOURCE, desk.cluster, fleet.generation, desk.clock.when, tuple(owners))

    async def _exporter_pods(self) -> frozenset[str]:
        """Without `honorLabels` the label `pod` is the exporter's own pod, which owns no GPU."""
        desk = self._desk
        if not self._gpus.census.jobs:
            return frozenset()
        query = desk.promql.exporter_pods(sorted(self._gpus.census.jobs))
        answer = await desk.attempt("exporter pods", desk.client.vector("exporter pods", query, ("pod",)))
        return frozenset(astuple(row.metric)[0] for row in answer.result) if answer else frozenset()


def owner_of(labels: tuple[str, ...], exporters: frozenset[str]) -> str:
    """`job:42`, `pod:NAMESPACE/NAME`, or "" for values of `LABELS`; `exporters` are pods that own nothing."""
    hpc_job, job_id, exported_pod, pod, exported_namespace, namespace = labels
    job = next((job for job in (hpc_job, job_id) if JOB_ID.match(job) and job != "0"), None)
    if job is not None:
        return f"job:{job}"
    if exported_pod:
        return _pod(exported_namespace or namespace, exported_pod)
    if pod and pod not in exporters:
        return _pod(namespace, pod)
    return ""


def _pod(namespace: str, pod: str) -> str:
    return f"pod:{clean(namespace, limit=_TEXT)}/{clean(pod, limit=_TEXT)}"
