"""A node's one cell says the same as its GPUs' cells together, however it was worked out."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from crashcart.backends import wire
from crashcart.backends.model import GpuColumn, GpuRows, Target
from crashcart.ops.fields import Scene
from crashcart.ops.joins import Joins
from crashcart.ops.store import Store
from crashcart.tui.heat_cells import CellReader, whole_node
from crashcart.tui.heat_layout import Tile
from crashcart.tui.heat_metrics import METRICS, HeatMetric
from tests.entities import float_column, job, listing, node

TILE = Tile("a100/gpu001", "a100", "gpu001", "gpu001", 8)


def eight(*values: float) -> st.SearchStrategy[list[float]]:
    return st.lists(st.sampled_from(values), min_size=8, max_size=8)


def base_store() -> Store:
    store = Store()
    store.collector_up()
    for name in ("slurm", "dcgm"):
        store.apply(wire.Source("a100", name, "live", 2.0, 1000.0, 0, ""))
    return store


@given(
    used=st.none() | st.frozensets(st.integers(0, 7)),
    flags=st.sampled_from([(), ("DRAIN",), ("NOT_RESPONDING",)]),
    xids=eight(0.0, 13.0, 79.0),
    has_map=st.booleans(),
    now=st.sampled_from([1000.5, 1900.0]),
)
def test_of_its_allocation(
    used: frozenset[int] | None, flags: tuple[str, ...], xids: list[float], has_map: bool, now: float
) -> None:
    store = base_store()
    indexes = None if used is None else tuple(sorted(used))
    one = node("gpu001", flags=flags, gpus_used=None if used is None else len(used), gpus_used_indexes=indexes)
    owned = (("gpu001", indexes or ()),) if has_map else None
    for batch in (listing("node", one), listing("job", job("1", gpu_map=owned))):
        for part in wire.slices(batch, 1):
            store.apply(part)
    store.apply(GpuRows("dcgm", "a100", 1, ("gpu001",), (8,)))
    store.apply(GpuColumn("dcgm", "a100", 1, "xid", 1000.0, float_column(xids)))
    reader = CellReader(Scene(store, Joins(store), now), METRICS[0])
    assert reader.node_cell(TILE) == whole_node(reader.cells(TILE))


@given(
    metric=st.sampled_from(METRICS[1:]),
    values=eight(math.nan, 0.0, 8.0, 60.0, 61.0, 650.0),
    power=eight(math.nan, 640.0, 650.0, 655.0, 100.0),
    ages=eight(0.0, 5.0, 300.0, math.nan),
    reported=st.integers(6, 8),
    fails=st.booleans(),
    now=st.sampled_from([1000.5, 1900.0]),
)
def test_of_a_metric(
    metric: HeatMetric,
    values: list[float],
    power: list[float],
    ages: list[float],
    reported: int,
    fails: bool,
    now: float,
) -> None:
    store = base_store()
    told = dict.fromkeys(metric.columns, values) | {"power_watts": power, "age_seconds": ages}
    batches = [listing("node", node("gpu001", gpus_used=8)), listing("job", job("1"))]
    if fails:
        target = Target(
            cluster="a100", source="dcgm", when=1000.0, job="dcgm", instance="gpu001",
            host="gpu001", error="", since=990.0,
        )  # fmt: skip
        batches.append(listing("target", target, source="dcgm"))
    for batch in batches:
        for part in wire.slices(batch, 1):
            store.apply(part)
    store.apply(GpuRows("dcgm", "a100", 1, ("gpu001",), (reported,)))
    for name, column in told.items():
        store.apply(GpuColumn("dcgm", "a100", 1, name, 1000.0, float_column(column[:reported])))
    reader = CellReader(Scene(store, Joins(store), now), metric)
    assert reader.node_cell(TILE) == whole_node(reader.cells(TILE))
