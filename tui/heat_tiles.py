"""Which tiles the heatmap has: nodes with GPUs, by rack, and hosts that only the telemetry knows."""

from __future__ import annotations

from collections import defaultdict

from .heat_layout import Tile
from .natural import natural
from .shown import Shown


def racks(shown: Shown) -> list[tuple[str, list[Tile]]]:
    """(rack, tiles) in natural order; nodes without a rack come last, under no name."""
    hosts = _hosts(shown)
    many = shown.has_many_clusters()
    found: dict[str, list[Tile]] = defaultdict(list)
    store = shown.store
    for key in shown.keys("node"):
        node = store.nodes[key]
        host, measured = hosts.pop(key, (node.name, 0))
        gpus = node.gpus_total or measured
        if gpus:
            found[_group(many, node.cluster, node.rack)].append(
                Tile(key, node.cluster, node.name, host, gpus, node.rack or "")
            )
    for key, (host, measured) in hosts.items():
        cluster, name = key.split("/", 1)
        found[_group(many, cluster, None)].append(Tile(key, cluster, name, host, measured, ""))
    for tiles in found.values():
        tiles.sort(key=lambda tile: natural(tile.name))
    return sorted(found.items(), key=lambda item: (not item[0], natural(item[0])))


def _group(many_clusters: bool, cluster: str, rack: str | None) -> str:
    if not many_clusters:
        return rack or ""
    return f"{cluster}/{rack}" if rack else cluster


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
