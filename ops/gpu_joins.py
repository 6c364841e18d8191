"""GPUs across planes: the host behind a node, who has a GPU by its exporter, what is missing, and who is odd.

Nothing here is worked out for more than is asked for, and all of it is remembered until what it came from changes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Literal, TypeVar

from crashcart.backends.model import Job, Node, Target

from .gpu_missing import VITAL, missing_rows
from .gpu_table import GpuTable
from .identity import NodeNames
from .outliers import Outlier, Run, find
from .remembered import Remembered
from .store import Store

T = TypeVar("T")

GPU_JOBS = ("gpu", "dcgm", "nvidia", "amd", "rocm", "tpu", "accelerator")
"""Words in the names of scrape jobs that read GPUs."""

CONFIRMING_SAMPLES = 2
SCRAPE_SECONDS = 15.0

GpuState = Literal["live", "stale", "exporter down", "missing", "no data"]
"""`no data`: nobody measures it; `missing`: its host reports, it does not."""


class GpuJoins:
    """Derived pictures of the GPUs of one store. `rows_of` lists what a job has: (node key, GPU indexes)."""

    def __init__(
        self,
        store: Store,
        names: Callable[[str], NodeNames],
        rows_of: Callable[[Job], Iterable[tuple[str, Iterable[int]]]],
    ) -> None:
        self._store = store
        self._names = names
        self._rows_of = rows_of
        self._memory = Remembered()

    def _remember(self, what: str, make: Callable[[], T], *kinds: str) -> T:
        revisions: tuple[Hashable, ...] = tuple(self._store.revision[kind] for kind in kinds)
        return self._memory.get(what, (*revisions, *self._generations()), make)

    def _generations(self) -> tuple[tuple[str, str, int], ...]:
        """What row indexes there are; they change far less often than samples."""
        return tuple((at, table.rows.source, table.rows.generation) for at, table in self._store.gpus.items())

    # names

    def host(self, key: str) -> str | None:
        """The name that the telemetry has for the node `cluster/name`; None when it has none."""
        cluster, _, name = key.partition("/")
        table = self._store.gpus.get(cluster)
        if table is None:
            return None
        return name if name in table.offsets else self._remember("hosts", self._hosts, "node").get(key)

    def _hosts(self) -> dict[str, str]:
        """Node key to host, of hosts that go by another name than their node."""
        found: dict[str, str] = {}
        for cluster, table in self._store.gpus.items():
            names = self._names(cluster)
            for host in table.offsets:
                if (name := names.canonical(host)) != host:
                    found[f"{cluster}/{name}"] = host
        return found

    def source(self, key: str) -> str | None:
        """Who measures the GPUs of the node `cluster/name`: nvml, prometheus, smi; None when nobody does."""
        table, host = self._store.gpus.get(key.partition("/")[0]), self.host(key)
        return None if table is None or host is None else table.source_of(host)

    # what can be trusted

    def exporter_failure(self, key: str) -> Target | None:
        """The failing scrape target that the GPUs of the node `cluster/name` are read from."""
        return self.exporter_failures().get(key)

    def exporter_failures(self) -> Mapping[str, Target]:
        """Node key to the failing scrape target that its GPUs are read from."""
        if not self._store.targets:
            return {}
        return self._remember("failures", self._failures, "target", "node", "gpu")

    def _failures(self) -> dict[str, Target]:
        found: dict[str, Target] = {}
        for target in self._store.targets.values():
            key = f"{target.cluster}/{self._names(target.cluster).canonical(target.host or target.instance)}"
            if _reads_gpus(target, self.sampled_at(key)):
                found[key] = target
        return found

    def sampled_at(self, key: str) -> float | None:
        """When the newest sample of any GPU of the node was true, Unix seconds."""
        table, host = self._store.gpus.get(key.partition("/")[0]), self.host(key)
        if table is None or host is None:
            return None
        metric = next((metric for metric in VITAL if metric in table.columns), "")
        there = [gpu for gpu in range(table.counts[host]) if table.value(metric, host, gpu) is not None]
        return max((table.sample_time(metric, host, gpu) or 0.0 for gpu in there), default=None)

    def state(self, key: str, gpu: int, now: float) -> GpuState:
        """How far what is known of one GPU may be trusted at `now`."""
        table, host = self._store.gpus.get(key.partition("/")[0]), self.host(key)
        if table is None or host is None:
            return "no data"
        if self.exporter_failure(key) is not None:
            return "exporter down"
        if self._store.freshness(table.rows.cluster, table.source_of(host), now) != "live":
            return "stale"
        if gpu in self.missing().get(key, ()) or (gpu >= table.counts[host] and self.reports(key)):
            return "missing"
        if all(table.value(metric, host, gpu) is None for metric in table.columns.keys() - {"age_seconds"}):
            return "no data"
        return "stale" if (table.value("age_seconds", host, gpu) or 0.0) > table.stale_after(host) else "live"

    # what is missing

    def missing(self) -> Mapping[str, frozenset[int]]:
        """Node key to GPUs that the telemetry lists but no longer has, while it has others of the same host."""
        return self._remember("missing", self._missing, "node", "gpu")

    def _missing(self) -> dict[str, frozenset[int]]:
        return {
            f"{cluster}/{self._names(cluster).canonical(host)}": gpus
            for cluster, table in self._store.gpus.items()
            for host, gpus in missing_rows(table).items()
        }

    def missing_by_node(self, now: float) -> Mapping[str, int]:
        """Node key to GPUs that should be there and are not: by the telemetry itself and by the scheduler's count.

        A host that does not report at all is not here: what it has is not known.
        """
        live = frozenset(
            (cluster, source)
            for cluster, table in self._store.gpus.items()
            for source in table.sources
            if self._store.freshness(cluster, source, now) == "live"
        )
        stamp = (live, *(self._store.revision[kind] for kind in ("gpu", "node", "target")))
        return self._memory.get("missing by node", stamp, lambda: self._count_missing(live))

    def missing_gpus(self, node: Node, now: float) -> int:
        """How many GPUs of the node are missing, as far as that is known."""
        return self.missing_by_node(now).get(node.key, 0)

    def _count_missing(self, live: frozenset[tuple[str, str]]) -> dict[str, int]:
        found: dict[str, int] = defaultdict(int)
        for key, gpus in self.missing().items():
            found[key] += len(gpus)
        for key, short in self._remember("short", self._short, "node").items():
            if self.reports(key):
                found[key] += short
        return {
            key: number
            for key, number in found.items()
            if (key.partition("/")[0], self.source(key)) in live and self.exporter_failure(key) is None
        }

    def reports(self, key: str) -> bool:
        """Whether the host has samples that are not too old."""
        table, host = self._store.gpus[key.partition("/")[0]], self.host(key)
        if host is None:
            return False
        ages = [table.value("age_seconds", host, gpu) for gpu in range(table.counts[host])]
        is_old = any(age is not None and age > table.stale_after(host) for age in ages)
        return not is_old and self.sampled_at(key) is not None

    def _short(self) -> dict[str, int]:
        """Node key to how many GPUs the telemetry has less than the scheduler."""
        found: dict[str, int] = {}
        for node in self._store.nodes.values():
            table, host = self._store.gpus.get(node.cluster), self.host(node.key)
            if table is not None and host is not None and node.gpus_total is not None:
                short = node.gpus_total - table.counts[host]
                if short > 0:
                    found[node.key] = short
        return found

    # who is odd

    def outliers_of(self, job: Job) -> Mapping[int, Outlier]:
        """Table row to outlier among the GPUs of the job."""
        held: dict[str, dict[int, Outlier]] = self._remember("outliers", dict, "job", "node", "gpu")
        found = held.get(job.key)
        if found is None:
            found = held[job.key] = self._find_outliers(job)
        return found

    def outliers_on(self, key: str, jobs: Iterable[Job]) -> Mapping[int, Outlier]:
        """GPU index to outlier on the node `cluster/name`, which these jobs have."""
        by_row = [found for job in jobs if (found := self.outliers_of(job))]
        table, host = self._store.gpus.get(key.partition("/")[0]), self.host(key) if by_row else None
        if table is None or host is None:
            return {}
        first, count = table.offsets[host], table.counts[host]
        return {gpu: found[first + gpu] for found in by_row for gpu in range(count) if first + gpu in found}

    def _find_outliers(self, job: Job) -> dict[int, Outlier]:
        table = self._store.gpus.get(job.cluster)
        if table is None or not job.is_running:
            return {}
        earlier = {metric: table.earlier(metric, CONFIRMING_SAMPLES) for metric in table.columns}
        return find(table.columns, self.runs(job, table), earlier)

    def runs(self, job: Job, table: GpuTable) -> list[Run]:
        """The rows of the job's GPUs in the table, neighbours together."""
        held: dict[str, list[Run]] = self._remember("runs", dict, "job", "node")
        found = held.get(job.key)
        if found is None:
            found = held[job.key] = _joined(self._rows(job, table))
        return found

    def _rows(self, job: Job, table: GpuTable) -> list[int]:
        rows: list[int] = []
        for key, gpus in self._rows_of(job):
            host = self.host(key)
            if host is not None:
                first, count = table.offsets[host], table.counts[host]
                rows += [first + gpu for gpu in gpus if gpu < count]
        return rows


def _joined(rows: list[int]) -> list[Run]:
    runs: list[Run] = []
    for row in sorted(rows):
        if runs and sum(runs[-1]) == row:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((row, 1))
    return runs


def _reads_gpus(target: Target, sampled_at: float | None) -> bool:
    """Whether this failing target is what the GPUs are read from: newer samples prove that it is not."""
    interval = target.interval_seconds or SCRAPE_SECONDS
    if sampled_at is not None and sampled_at > target.since + interval:
        return False
    name = target.job.lower()
    return any(word in name for word in GPU_JOBS) or (sampled_at is not None and "node" not in name)
