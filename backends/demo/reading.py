"""A node and its GPU samples at one time: what commands on the node print from."""

from __future__ import annotations

import math
import time

import msgspec

from .kernel_log import pci_bus
from .state import SimNode

MIB = 2**20


class Reading(msgspec.Struct, frozen=True):
    """Samples are one tuple a metric, one value a GPU."""

    node: SimNode
    samples: dict[str, tuple[float, ...]]
    now: float

    @property
    def gpus(self) -> range:
        return range(len(self.node.owners))

    @property
    def clock(self) -> str:
        """The time as nvidia-smi prints it."""
        return time.strftime("%a %b %e %H:%M:%S %Y", time.gmtime(self.now))

    def value(self, metric: str, gpu: int) -> float:
        """One sample; NaN where it is missing."""
        return self.samples[metric][gpu]

    def is_lost(self, gpu: int) -> bool:
        """Whether the driver still reaches this GPU."""
        fault = self.node.faults.get(gpu)
        return fault is not None and fault.is_lost

    def processes(self) -> list[tuple[int, int, str, float]]:
        """GPU, process id, command and used memory in MiB of all compute processes."""
        found = []
        for gpu, owner in enumerate(self.node.owners):
            used = self.value("memory_used_bytes", gpu)
            if owner is not None and owner.state == "RUNNING" and not math.isnan(used):
                pid = 41_000 + owner.raw_id % 1000 * 16 + gpu
                found.append((gpu, pid, "/opt/venv/bin/python3", used / MIB - 540))
        return found


def bus_id(gpu: int) -> str:
    """Bus id as nvidia-smi prints it: `00000000:9D:00.0`."""
    return f"0000{pci_bus(gpu).upper()}.0"


def uuid(node: SimNode, gpu: int) -> str:
    """A GPU's own name, the same for every simulation."""
    number = (node.index * 16 + gpu + 1) * 0x9E3779B97F4A7C15 % 2**64
    return f"GPU-{number >> 32:08x}-{number >> 16 & 0xFFFF:04x}-{number & 0xFFFF:04x}-8000-{number % 2**48:012x}"


def lost_line(gpu: int) -> str:
    """What nvidia-smi prints in place of a GPU that left the bus."""
    return f"Unable to determine the device handle for GPU{bus_id(gpu)}: Unknown Error\n"
