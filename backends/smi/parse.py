"""Reads what nvidia-smi and amd-smi print about the GPUs of one node, and the driver's faults in its kernel log."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from crashcart.backends.metrics import Metric
from crashcart.backends.text import clean

from .fields import METRICS

NAN = float("nan")
MOST_GPUS = 64

_ABSENT = frozenset({"", "n/a", "not supported", "insufficient permissions", "unknown error", "gpu is lost", "err!"})
_WORDS = {"yes": 1.0, "no": 0.0, "active": 1.0, "not active": 0.0, "enabled": 1.0, "disabled": 0.0}
_BUS = re.compile(r"([0-9a-fA-F]{4,8}):([0-9a-fA-F]{2}):([0-9a-fA-F]{2})")
_XID = re.compile(rf"NVRM: Xid \((?:PCI:)?({_BUS.pattern})(?:\.\d)?\): (\d{{1,4}})\b")
_FELL_OFF = re.compile(r"NVRM: (?:GPU|The NVIDIA GPU)[^\n]{0,80}fallen off the bus")


@dataclass(slots=True)
class Readings:
    """One node's GPUs. `lost` are lines that stand for a GPU that the driver lost; `buses` are PCI addresses."""

    gpus: dict[int, dict[Metric, float]] = field(default_factory=dict)
    buses: dict[int, str] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many GPUs there are, lost ones too."""
        return min(MOST_GPUS, max(len(self.gpus) + len(self.lost), max(self.gpus, default=-1) + 1))


def number(text: str) -> float:
    """A value of nvidia-smi; NaN for whatever it says where there is none."""
    said = text.strip().strip("[]").lower()
    if said in _ABSENT:
        return NAN
    if said in _WORDS:
        return _WORDS[said]
    try:
        value = float(int(said, 16)) if said.startswith("0x") else float(said.split(" ")[0])
    except ValueError:
        return NAN
    return value if math.isfinite(value) else NAN


def parse_query(text: str, fields: Sequence[str]) -> Readings:
    """The rows of a query for these fields. A line that is no row stands for a GPU that could not be read."""
    found = Readings()
    for line in text.splitlines():
        row = next(csv.reader([line], skipinitialspace=True), [])
        values = dict(zip(fields, row, strict=False))
        index = number(values.get("index", ""))
        if len(row) == len(fields) and 0 <= index < MOST_GPUS:
            _take(found, int(index), values)
        elif "GPU" in line and len(found.lost) < MOST_GPUS:
            found.lost.append(clean(line.strip(), limit=160))
    return found


def _take(found: Readings, index: int, values: Mapping[str, str]) -> None:
    found.buses[index] = bus_of(values.get("pci.bus_id", ""))
    gpu = found.gpus[index] = {}
    for name, text in values.items():
        if name in METRICS:
            metric, scale = METRICS[name]
            gpu[metric] = number(text) * scale


def bus_of(text: str) -> str:
    """A PCI address as the kernel writes it, `0000:1b:00`; "" when it is none."""
    found = _BUS.search(text)
    return "" if found is None else _bus(*found.groups())


def _bus(domain: str, bus: str, device: str) -> str:
    return f"{int(domain, 16):04x}:{bus.lower()}:{device.lower()}"


def last_xids(log: str) -> dict[str, float]:
    """PCI address to the last Xid in a kernel log; a GPU that fell off the bus without one counts as 79."""
    found: dict[str, float] = {}
    for line in log.splitlines():
        xid = _XID.search(line)
        if xid is not None:
            found[_bus(*xid.groups()[1:4])] = float(xid[5])
        elif _FELL_OFF.search(line) and bus_of(line):
            found.setdefault(bus_of(line), 79.0)
    return found
