"""Names and places of a simulated cluster: nodes, racks, leaf switches, partitions."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from .state import SimNode

NODES_A_RACK = 8
NODES_A_LEAF = 16
GPU_TYPE = "h100"
CPUS = 192
MEMORY_BYTES = 2 << 40
SLURM_VERSION = "24.11.5"
DAY = 86_400.0


class Partition(msgspec.Struct, frozen=True):
    """A partition and the node indexes in it."""

    name: str
    members: range
    priority: int
    max_seconds: float
    is_default: bool = False


class Shape(msgspec.Struct, frozen=True):
    """How many nodes, and how many GPUs in each."""

    nodes: int
    gpus_per_node: int

    @property
    def width(self) -> int:
        """Digits in a node's name."""
        return max(3, len(str(self.nodes)))

    def name(self, index: int) -> str:
        return f"gpu{index + 1:0{self.width}d}"

    def fold(self, indexes: Iterable[int]) -> str:
        """The names of these nodes, folded: `gpu[001-016,033]`."""
        runs: list[list[int]] = []
        for index in sorted(indexes):
            if runs and index == runs[-1][1] + 1:
                runs[-1][1] = index
            else:
                runs.append([index, index])
        if not runs:
            return ""
        if len(runs) == 1 and runs[0][0] == runs[0][1]:
            return self.name(runs[0][0])
        digits = [[f"{index + 1:0{self.width}d}" for index in run] for run in runs]
        return f"gpu[{','.join(first if first == last else f'{first}-{last}' for first, last in digits)}]"


def partitions(nodes: int) -> tuple[Partition, ...]:
    """Three quarters for training, a sixteenth for development, the rest for batch; tiny clusters share all nodes."""
    if nodes < 4:
        train = batch = dev = range(nodes)
    else:
        first_dev = nodes - max(1, nodes // 16)
        first_batch = min(first_dev - 1, nodes * 3 // 4)
        train, batch, dev = range(first_batch), range(first_batch, first_dev), range(first_dev, nodes)
    return (
        Partition("train", train, 100, 14 * DAY),
        Partition("batch", batch, 10, 2 * DAY, is_default=True),
        Partition("dev", dev, 50, 8 * 3600.0),
    )


def build_nodes(shape: Shape, parts: tuple[Partition, ...], now: float) -> list[SimNode]:
    """All nodes, idle and healthy, up for some days."""
    return [
        SimNode(
            index=index,
            name=shape.name(index),
            rack=f"r{index // NODES_A_RACK + 1:02d}",
            switch=f"leaf-{index // NODES_A_LEAF + 1:02d}",
            address=f"10.{20 + index // 65_536}.{index // 256 % 256}.{index % 256}",
            partitions=tuple(part.name for part in parts if index in part.members),
            boot_time=now - (9 + index * 7 % 31) * DAY - index % 97 * 60,
            owners=[None] * shape.gpus_per_node,
        )
        for index in range(shape.nodes)
    ]
