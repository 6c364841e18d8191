"""A node's one cell says the same as its GPUs' cells together, however it was worked out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from crashcart.backends import wire
from crashcart.backends.model import GpuColumn, GpuRows
from crashcart.ops.fields import Scene
from crashcart.ops.joins import Joins
from crashcart.ops.store import Store
from crashcart.tui.heat_cells import CellReader, whole_node
from crashcart.tui.heat_layout import Tile
from crashcart.tui.heat_metrics import METRICS
from tests.entities import float_column, job, listing, node

TILE = Tile("a100/gpu001", "a100", "gpu001", "gpu001", 8)


@given(
    used=st.none() | st.frozensets(st.integers(0, 7)),
    flags=st.sampled_from([(), ("DRAIN",), ("NOT_RESPONDING",)]),
    xids=st.lists(st.sampled_from([0.0, 13.0, 79.0]), min_size=8, max_size=8),
    has_map=st.booleans(),
    now=st.sampled_from([1000.5, 1900.0]),
)
def test_a_nodes_cell_is_its_gpus_cells_together(
    used: frozenset[int] | None, flags: tuple[str, ...], xids: list[float], has_map: bool, now: float
) -> None:
    store = Store()
    store.collector_up()
    store.apply(wire.Source("a100", "slurm", "live", 2.0, 1000.0, 0, ""))
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
