"""Which tiles the heatmap has, and in which groups: nodes with GPUs, and hosts that only the telemetry knows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Literal

from crashcart.backends.model import Node

from .heat_layout import LONGEST_LABEL, Tile
from .natural import natural
from .shown import Shown

Grouping = Literal["rack", "switch", "partition", "job"]
GROUPINGS: tuple[Grouping, ...] = ("rack", "switch", "partition", "job")
NO_JOB = "no job"


class TileGroups:
    """The groups of what is shown, made anew only when what they are made of has changed."""

    def __init__(self, shown: Shown) -> None:
        self._shown = shown
        self._tiles: list[Tile] = []
        self._tiles_of: object = None
        self._groups_of: object = None
        self.groups: list[tuple[str, list[Tile]]] = []

    @property
    def gpus(self) -> int:
        """How many GPUs there are."""
        return sum(tile.gpus for tile in self._tiles)

    def take(self, by: Grouping) -> bool:
        """Take the picture in; whether the groups are not as they were."""
        shown = self._shown
        generations = tuple(table.rows.generation for table in shown.store.gpus.values())
        tiles_of = (shown.picture_of("node"), generations, shown.has_many_clusters())
        if tiles_of != self._tiles_of:
            self._tiles_of = tiles_of
            tiles = all_tiles(shown)
            if tiles != self._tiles:
                self._tiles = tiles  # the same objects as long as they are equal: comparing groups is then quick
        groups_of = (tiles_of, by, shown.picture_of("job") if by == "job" else None)
        if groups_of == self._groups_of:
            return False
        self._groups_of = groups_of
        groups = grouped(shown, self._tiles, by)
        is_new = groups != self.groups
        self.groups = groups
        return is_new


def all_tiles(shown: Shown) -> list[Tile]:
    """Every node with GPUs, and every host that only the telemetry knows, in natural order of their names."""
    hosts = _hosts(shown)
    found: list[Tile] = []
    for key in shown.keys("node"):
        node = shown.store.nodes[key]
        host, measured = hosts.pop(key, (node.name, 0))
        gpus = node.gpus_total or measured
        if gpus:
            found.append(Tile(key, node.cluster, node.name, host, gpus))
    for key, (host, measured) in hosts.items():
        cluster, name = key.split("/", 1)
        found.append(Tile(key, cluster, name, host, measured))
    found.sort(key=lambda tile: natural(tile.name))
    return found


def grouped(shown: Shown, tiles: Iterable[Tile], by: Grouping) -> list[tuple[str, list[Tile]]]:
    """(group, tiles) in natural order; nodes that belong to none come last, under no name or `no job`."""
    many, rest = shown.has_many_clusters(), NO_JOB if by == "job" else ""
    found: dict[tuple[str, str], list[Tile]] = defaultdict(list)
    group_of = _job_of(shown) if by == "job" else _place_of(shown, by)
    for tile in tiles:
        found[(tile.cluster if many else "", group_of(tile.key))].append(tile)
    ordered = sorted(found.items(), key=lambda item: (not item[0][1], natural("/".join(item[0]))))
    return [(_label(cluster, group or rest, by), held) for (cluster, group), held in ordered]


def _job_of(shown: Shown) -> Callable[[str], str]:
    """From a node's key to its largest job, with the user as far as there is room."""
    jobs = shown.joins.jobs_by_node()
    labels = {id(job): f"{job.id} {job.user}" for job in shown.store.jobs.values() if job.is_running}
    return lambda key: labels[id(held[0])] if (held := jobs.get(key)) else ""


def _place_of(shown: Shown, by: Grouping) -> Callable[[str], str]:
    nodes, read = shown.store.nodes, _PLACES[by]
    return lambda key: read(node) if (node := nodes.get(key)) is not None else ""


def _label(cluster: str, group: str, by: Grouping) -> str:
    """At most as long as the layout has room for: of places the end tells them apart, of jobs the beginning."""
    label = "/".join(part for part in (cluster, group) if part)
    return label[:LONGEST_LABEL] if by == "job" else label[-LONGEST_LABEL:]


_PLACES: dict[str, Callable[[Node], str]] = {
    "rack": lambda node: node.rack or "",
    "switch": lambda node: node.switch or "",
    "partition": lambda node: node.partitions[0] if node.partitions else "",
}


def _hosts(shown: Shown) -> dict[str, tuple[str, int]]:
    """Node key -> (host name, number of GPUs) as telemetry knows them."""
    found: dict[str, tuple[str, int]] = {}
    for cluster, table in shown.store.gpus.items():
        if shown.cluster in (None, cluster):
            for host, count in table.counts.items():
                key = f"{cluster}/{host}"
                if key not in shown.store.nodes:
                    key = f"{cluster}/{shown.joins.node_name(cluster, host)}"
                found[key] = (host, count)
    return found
