"""Which tiles the heatmap has, and in which groups: nodes with GPUs, and hosts that only the telemetry knows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Literal

from crashcart.backends.model import Node

from .heat_layout import LONGEST_LABEL, Tile
from .natural import natural
from .shown import Shown

Grouping = Literal["rack", "switch", "partition", "job"]
GROUPINGS: tuple[Grouping, ...] = ("rack", "switch", "partition", "job")
NO_JOB = "no job"


def groups(shown: Shown, by: Grouping = "rack") -> list[tuple[str, list[Tile]]]:
    """(group, tiles) in natural order; nodes that belong to none come last, under no name or `no job`."""
    hosts = _hosts(shown)
    many = shown.has_many_clusters()
    group_of = _GROUP_OF[by]
    rest = NO_JOB if by == "job" else ""
    found: dict[tuple[str, str], list[Tile]] = defaultdict(list)
    store = shown.store
    for key in shown.keys("node"):
        node = store.nodes[key]
        host, measured = hosts.pop(key, (node.name, 0))
        gpus = node.gpus_total or measured
        if gpus:
            found[(node.cluster if many else "", group_of(shown, node))].append(
                Tile(key, node.cluster, node.name, host, gpus)
            )
    for key, (host, measured) in hosts.items():
        cluster, name = key.split("/", 1)
        found[(cluster if many else "", "")].append(Tile(key, cluster, name, host, measured))
    for tiles in found.values():
        tiles.sort(key=lambda tile: natural(tile.name))
    ordered = sorted(found.items(), key=lambda item: (not item[0][1], natural("/".join(item[0]))))
    return [(_label(cluster, group or rest, by), tiles) for (cluster, group), tiles in ordered]


def _label(cluster: str, group: str, by: Grouping) -> str:
    """At most as long as the layout has room for: of places the end tells them apart, of jobs the beginning."""
    label = "/".join(part for part in (cluster, group) if part)
    return label[:LONGEST_LABEL] if by == "job" else label[-LONGEST_LABEL:]


def _job(shown: Shown, node: Node) -> str:
    """The largest job on the node, with its user as far as there is room."""
    job = next(iter(shown.joins.jobs_on_node(node.key)), None)
    return f"{job.id} {job.user}" if job is not None else ""


_GROUP_OF: dict[Grouping, Callable[[Shown, Node], str]] = {
    "rack": lambda shown, node: node.rack or "",
    "switch": lambda shown, node: node.switch or "",
    "partition": lambda shown, node: node.partitions[0] if node.partitions else "",
    "job": _job,
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
