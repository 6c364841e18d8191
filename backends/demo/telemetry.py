"""GPU columns of the simulated cluster: which load each GPU is under, cut out of tables, faults written over it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import groupby

from .gpu_faults import shown
from .metrics import BY_GPU, READINGS
from .samples import Cut, SampleTables, floats, turn_at
from .simulation import Simulation
from .state import SimJob, SimNode

Loads = str | tuple[tuple[str, int], ...]  # of a node: one for all its GPUs, or runs of GPUs under the same


class Telemetry:
    """All columns at a time. What did not change since the last look is neither built nor sent again."""

    def __init__(self, sim: Simulation, seed: int) -> None:
        self.sim = sim
        self._gpus = sim.shape.gpus_per_node
        self._rows = sim.shape.nodes * self._gpus
        self.tables = SampleTables(seed, self._rows)
        self._own = {metric: self.tables.whole(metric, self._rows) for metric in BY_GPU}
        self._loads: list[Loads] = ["idle"] * sim.shape.nodes
        self._cuts: list[Cut] = []
        self._faults: dict[int, dict[str, float]] = {}  # by row
        self._frozen: dict[int, dict[str, bytes]] = {}  # by node: what it last showed
        self._built: dict[str, bytes] = {}
        self._built_at: dict[str, tuple[int, int]] = {}  # turn, layout
        self._changed_at: dict[str, int] = {}  # revision
        self._layout = 0
        self._stopped_at: float | None = None

    def columns(self, now: float, *, since: int = -1) -> dict[str, bytes]:
        """Metric to float32 bytes in row order; only what may have changed after revision `since`, and ages."""
        if self._stopped_at is None:
            self.refresh()
            self._build(now - self.sim.timeline.start)
        columns = {metric: self._built[metric] for metric, at in self._changed_at.items() if at > since}
        columns["age_seconds"] = self._ages(now)
        return columns

    def stop(self, now: float) -> None:
        """Nobody scrapes any more: the last samples stay, and age."""
        self.columns(now)
        self._stopped_at = now

    def refresh(self) -> None:
        """Take in where work and faults are now."""
        changed = self.sim.changed_nodes
        if not changed or self._stopped_at is not None:
            return
        for index in changed:
            self._look_at(self.sim.nodes[index])
        changed.clear()
        self._cuts = self.tables.cuts(runs(self._loads, self._gpus))
        self._layout += 1

    def of_node(self, node: SimNode, now: float) -> dict[str, tuple[float, ...]]:
        """Metric to one value a GPU as the driver on the node tells; NaN where it is missing."""
        rows = [self._readings(node, gpu, now) for gpu in range(self._gpus)]
        return {metric: tuple(row[metric] for row in rows) for metric in READINGS}

    def _readings(self, node: SimNode, gpu: int, now: float) -> dict[str, float]:
        load, row, seconds = (
            load_on(node, gpu),
            node.index * self._gpus + gpu,
            now - self.sim.timeline.start,
        )
        values = {metric: self.tables.value(load, metric, seconds, row) for metric in READINGS}
        fault = node.faults.get(gpu)
        return values if fault is None else values | shown(fault, load)

    def _look_at(self, node: SimNode) -> None:
        owners, first = node.owners, node.index * self._gpus
        is_uniform = owners.count(owners[0]) == self._gpus and not node.guests
        loads = tuple(load_on(node, gpu) for gpu in range(1 if is_uniform else self._gpus))
        runs = tuple((load, sum(1 for _ in same)) for load, same in groupby(loads))
        self._loads[node.index] = loads[0] if len(runs) == 1 else runs
        for row in range(first, first + self._gpus):
            self._faults.pop(row, None)
        for gpu, fault in node.faults.items():
            self._faults[first + gpu] = shown(fault, load_on(node, gpu))
        if node.dark_since is None:
            self._frozen.pop(node.index, None)
        elif node.index not in self._frozen:
            self._frozen[node.index] = self._last_samples(node, node.dark_since)

    def _last_samples(self, node: SimNode, when: float) -> dict[str, bytes]:
        """What a node showed before it fell silent, and goes on showing."""
        rows = [self._readings(node, gpu, when) for gpu in range(self._gpus)]
        return {metric: floats([row[metric] for row in rows]) for metric in READINGS}

    def _build(self, seconds: float) -> None:
        for metric in READINGS:
            state = (turn_at(seconds, metric), self._layout)
            if self._built_at.get(metric) == state:
                continue
            self._built_at[metric] = state
            column = self._column(metric, state[0])
            if column != self._built.get(metric):
                self._built[metric] = column
                self._changed_at[metric] = self.sim.journal.advance()

    def _column(self, metric: str, turn: int) -> bytes:
        own = self._own.get(metric)
        column = self.tables.join(self._cuts, metric, turn) if own is None else bytearray(own)
        for row, values in self._faults.items():
            if metric in values:
                struct.pack_into("<f", column, row * 4, values[metric])
        for index, samples in self._frozen.items():
            start = index * self._gpus * 4
            column[start : start + self._gpus * 4] = samples[metric]
        return bytes(column)

    def _ages(self, now: float) -> bytes:
        stopped = self._stopped_at
        column = bytearray(self._rows * 4) if stopped is None else bytearray(floats([now - stopped]) * self._rows)
        for index in self._frozen:
            since = self.sim.nodes[index].dark_since
            age = floats([0.0 if since is None else now - since]) * self._gpus
            column[index * self._gpus * 4 : (index + 1) * self._gpus * 4] = age
        for row, values in self._faults.items():
            if "age_seconds" in values:
                struct.pack_into("<f", column, row * 4, values["age_seconds"])
        return bytes(column)


def load_on(node: SimNode, gpu: int) -> str:
    """The load that a GPU is under, whoever has put it there."""
    load, guest = load_of(node, node.owners[gpu]), node.guests.get(gpu)
    return guest.load if load == "idle" and guest is not None else load


def load_of(node: SimNode, owner: SimJob | None) -> str:
    """The load that a GPU of this node is under."""
    if owner is None or owner.state != "RUNNING":
        return "idle"
    if owner.hung_since is not None:
        return "hang"
    if owner.is_saving:
        return "save"
    if node.hot_since is not None and owner.recipe.load in ("train", "moe"):
        return "hot"
    return owner.recipe.load


def runs(loads: list[Loads], gpus: int) -> Iterator[tuple[str, int]]:
    """Loads of all GPUs in order: how many neighbours are under the same."""
    for load, nodes in groupby(loads):
        count = sum(1 for _ in nodes)
        if isinstance(load, str):
            yield load, count * gpus
        else:
            for _ in range(count):
                yield from load
