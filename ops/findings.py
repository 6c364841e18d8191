"""What the planes disagree about: schedulers among each other, and schedulers with the telemetry.

A plane that is not live agrees with nobody: what it said last is kept and marked as such, and its nodes are "not known"
until it answers again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Literal, TypeVar

import msgspec
from msgspec.structs import replace

from crashcart.backends.model import Node, Target

from .gpu_joins import GPU_JOBS, GpuJoins
from .identity import NodeNames
from .planes import disagreements, sides
from .remembered import Remembered
from .store import Store

T = TypeVar("T")

FindingKind = Literal["planes", "exporter", "missing"]
Verdict = Literal["agree", "disagree", "unknown", "alone"]
"""`alone`: one plane knows it and nothing contradicts that; `unknown`: a plane that knows it is not live."""

Slots = frozenset[tuple[str, str]]
"""(cluster, source) of those that are live."""


class Finding(msgspec.Struct, frozen=True):
    """One contradiction. Not known: whoever said it is not live, so this is how it was last seen."""

    kind: FindingKind
    text: str
    is_known: bool = True
    since: float | None = None


class Findings:
    """Findings of one store; remembered until what they come from changes, and worked out only for what is odd."""

    def __init__(self, store: Store, gpus: GpuJoins, names: Callable[[str], NodeNames]) -> None:
        self._store = store
        self._gpus = gpus
        self._names = names
        self._memory = Remembered()
        self._found: dict[str, tuple[Finding, ...]] = {}

    def of(self, key: str, now: float) -> tuple[Finding, ...]:
        """Those of the node `cluster/name`, what is known first."""
        return self.by_node(now).get(key, ())

    def by_node(self, now: float) -> Mapping[str, tuple[Finding, ...]]:
        """Those of every node that has any, in the order of the store."""
        live = self._live(now)
        stamp = (live, *(self._store.revision[kind] for kind in ("node", "target", "gpu")))
        found = self._memory.get("findings", stamp, lambda: self._find(live, now))
        if found is not self._found and found != self._found:
            self._found = found  # the same object as long as nothing changes, so that it is cheap to compare with
        return self._found

    def verdict(self, node: Node, now: float) -> Verdict:
        """Whether the planes that know the node agree."""
        if any(finding.is_known for finding in self.of(node.key, now)):
            return "disagree"
        if not self.is_known(node, now):
            return "unknown"
        return "agree" if node.planes else "alone"

    def is_known(self, node: Node, now: float) -> bool:
        """Whether every scheduler that knows the node is live."""
        live = self._live(now)
        return all((node.cluster, plane.source) in live for plane in node.planes or (node,))

    def has_planes(self) -> bool:
        """Whether any node is known to several schedulers."""
        nodes = self._store.nodes
        stamp = self._store.revision["node"]
        return self._memory.get("has planes", stamp, lambda: any(node.planes for node in nodes.values()))

    def unknown(self, now: float) -> frozenset[str]:
        """Nodes of several planes of which one is not live, so that nobody knows whether they agree."""
        live = self._live(now)
        return self._remember("unknown", live, ("node",), lambda: frozenset(self._doubtful(live)))

    def _doubtful(self, live: Slots) -> Iterator[str]:
        for key, node in self._store.nodes.items():
            if node.planes and any((node.cluster, plane.source) not in live for plane in node.planes):
                yield key

    def strays(self, now: float) -> tuple[tuple[str, str], ...]:
        """(cluster, host) known to metrics only: GPUs are measured there and no scheduler lists such a node.

        Nothing is said of clusters whose lists of nodes or whose telemetry are not live.
        """
        live = self._live(now)
        return self._remember("strays", live, ("node", "gpu"), lambda: tuple(self._find_strays(live)))

    def _find_strays(self, live: Slots) -> Iterator[tuple[str, str]]:
        listers = {(cluster, source) for cluster, source, kind in self._store.confirmed if kind == "node"}
        for cluster, table in self._store.gpus.items():
            mine = {slot for slot in listers if slot[0] == cluster}
            if mine and mine <= live and all((cluster, source) in live for source in table.sources):
                names = self._names(cluster)
                unlisted = (host for host in table.offsets if f"{cluster}/{host}" not in self._store.nodes)
                yield from ((cluster, host) for host in unlisted if not self._is_listed(cluster, names.canonical(host)))

    def _is_listed(self, cluster: str, name: str) -> bool:
        return f"{cluster}/{name}" in self._store.nodes

    def _live(self, now: float) -> Slots:
        store = self._store
        stamp = (now, store.revision["source"], store.collector_alive)
        return self._memory.get(
            "live", stamp, lambda: frozenset(slot for slot in store.sources if store.freshness(*slot, now) == "live")
        )

    def _remember(self, what: str, live: Slots, kinds: tuple[str, ...], make: Callable[[], T]) -> T:
        return self._memory.get(what, (live, *(self._store.revision[kind] for kind in kinds)), make)

    def _find(self, live: Slots, now: float) -> dict[str, tuple[Finding, ...]]:
        found: dict[str, list[Finding]] = defaultdict(list)
        for part in (self._between_planes(live), self._silent(live), self._missing(now)):
            for key, findings in part.items():
                found[key] += findings
        return {key: tuple(sorted(all_of, key=lambda one: not one.is_known)) for key, all_of in found.items()}

    # schedulers among each other

    def _between_planes(self, live: Slots) -> Mapping[str, list[Finding]]:
        return self._remember("planes", live, ("node",), lambda: self._compare(live))

    def _compare(self, live: Slots) -> dict[str, list[Finding]]:
        nodes = self._store.nodes.items()
        return {key: found for key, node in nodes if not _is_plain(node) and (found := _contradictions(node, live))}

    # schedulers with the telemetry

    def _silent(self, live: Slots) -> Mapping[str, list[Finding]]:
        return self._remember("silent", live, ("node", "target", "gpu"), lambda: dict(self._find_silent(live)))

    def _find_silent(self, live: Slots) -> Iterator[tuple[str, list[Finding]]]:
        failing: dict[str, list[Target]] = defaultdict(list)
        for key, failure in self._gpus.exporter_failures().items():
            failing[key].append(failure)
        for target in self._store.targets.values():
            if target.host and not _is_of_gpus(target):
                key = f"{target.cluster}/{self._names(target.cluster).canonical(target.host)}"
                failing[key] += [target] if target not in failing[key] else []
        for key, targets in failing.items():
            node = self._store.nodes.get(key)
            side = None if node is None else next(filter(_serves, sides(node)), None)
            if side is not None:
                yield key, [_silence(side, target, live) for target in targets]

    def _missing(self, now: float) -> dict[str, list[Finding]]:
        counts = self._gpus.missing_by_node(now).items()
        nodes = self._store.nodes
        return {
            key: [Finding("missing", f"{number} of its GPUs missing from the telemetry")]
            for key, number in counts
            if number and key in nodes and not nodes[key].is_down
        }


def _is_of_gpus(target: Target) -> bool:
    """Whether it is for `exporter_failures` to say if this one is really silent: newer samples may prove otherwise."""
    return any(word in target.job.lower() for word in GPU_JOBS)


def _serves(side: Node) -> bool:
    return not (side.is_draining or side.is_down)


def _is_plain(node: Node) -> bool:
    """Whether there is nothing to compare: nearly all nodes, so this must cost nearly nothing."""
    total = node.gpus_total
    if node.gpus_allocatable is not None and node.gpus_allocatable != total:
        return False
    for plane in node.planes:
        if (
            plane.flags
            or plane.state in ("DOWN", "FAIL")
            or (plane.gpus_total != total and plane.gpus_total is not None)
        ):
            return False
    return True


def _contradictions(node: Node, live: Slots) -> list[Finding]:
    everything = disagreements(node)
    planes = tuple(plane for plane in node.planes if (node.cluster, plane.source) in live)
    is_live = bool(planes) or (not node.planes and (node.cluster, node.source) in live)
    known = disagreements(replace(node, planes=planes)) if is_live else ()
    since = _latest(plane.reason_at for plane in node.planes)
    return [Finding("planes", text, text in known, since) for text in everything]


def _silence(side: Node, target: Target, live: Slots) -> Finding:
    text = f"{side.word} to {side.source}, but its exporter {target.job} is silent"
    told = {(side.cluster, side.source), (target.cluster, target.source)}
    return Finding("exporter", f"{text}: {target.error}" if target.error else text, told <= live, target.since)


def _latest(times: Iterable[float | None]) -> float | None:
    return max((time for time in times if time is not None), default=None)
