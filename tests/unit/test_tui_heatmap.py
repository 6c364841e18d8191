"""The heatmap without a screen: layout, cursor, and what each cell says."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashcart.backends.model import GpuColumn, GpuRows, Target
from crashcart.backends.wire import Message, Source, slices
from crashcart.ops.fields import Scene
from crashcart.ops.joins import Joins
from crashcart.ops.store import Store
from crashcart.tui.heat_cells import MISSING, ODD, STALE, STALE_BUSY, CellReader, whole_node
from crashcart.tui.heat_cursor import HeatCursor
from crashcart.tui.heat_layout import Tile, lay_out
from crashcart.tui.heat_metrics import METRICS
from crashcart.tui.heat_scale import DOWN, NO_DATA
from tests.entities import float_column, job, listing, node

NOW = 1001.0
BY_ID = {metric.id: metric for metric in METRICS}


def tile(name: str = "gpu001", gpus: int = 8) -> Tile:
    return Tile(f"a100/{name}", "a100", name, name, gpus)


def racks(sizes: list[int]) -> list[tuple[str, list[Tile]]]:
    return [(f"r{r}", [tile(f"n{r}-{n}") for n in range(size)]) for r, size in enumerate(sizes)]


def store_with(*messages: Message) -> Store:
    store = Store()
    store.collector_up()
    sources = [Source("a100", name, "live", 5.0, NOW, 0, "") for name in ("slurm", "dcgm")]
    for message in (*sources, *messages):
        store.apply(message)
    return store


def cells(store: Store, metric: str, now: float = NOW) -> list[tuple[str, str]]:
    return CellReader(Scene(store, Joins(store), now), BY_ID[metric]).cells(tile())


def nodes(**fields: Any) -> list[Message]:
    return list(slices(listing("node", node(**fields)), 1))


def gpu_columns(**columns: list[float]) -> list[Message]:
    rows: list[Message] = [GpuRows("dcgm", "a100", 1, ("gpu001",), (8,))]
    return rows + [
        GpuColumn("dcgm", "a100", 1, name, NOW, memoryview(float_column(values))) for name, values in columns.items()
    ]


@given(st.lists(st.integers(1, 20), min_size=1, max_size=12), st.integers(1, 240), st.booleans(), st.booleans())
def test_every_node_has_one_place_inside_the_width_and_none_overlap(
    sizes: list[int], width: int, zoomed: bool, in_grid: bool
) -> None:
    groups = racks(sizes)
    layout = lay_out(groups, width, zoomed_out=zoomed, in_grid=in_grid)
    assert len(layout.places) == sum(sizes)
    for key, (number, index) in layout.places.items():
        assert layout.lines[number].tiles[index].key == key
    for line in layout.lines:
        ends = [x + layout.tile_width(tile) for x, tile in zip(line.xs, line.tiles, strict=True)]
        assert all(end <= start for end, start in zip(ends, line.xs[1:], strict=False))
        if width >= 12 + 1 + 9:
            assert not ends or ends[-1] <= width


def test_racks_stand_side_by_side_where_there_is_room() -> None:
    layout = lay_out(racks([4, 4]), 100, zoomed_out=False)
    assert len(layout.lines) == 1
    assert [label for _, label in layout.lines[0].labels] == ["r0", "r1"]


def test_groups_of_all_sizes_take_what_they_need() -> None:
    in_grid = lay_out(racks([12, 1, 1, 2]), 60, zoomed_out=False)
    packed = lay_out(racks([12, 1, 1, 2]), 60, zoomed_out=False, in_grid=False)
    assert len(in_grid.lines) == 5
    assert [[label for _, label in line.labels] for line in packed.lines] == [["r0"], [""], ["r1", "r2", "r3"]]


def test_nodes_without_a_rack_are_labelled_by_their_first_name() -> None:
    layout = lay_out([("", [tile(f"gpu{n:03d}") for n in range(20)])], 60, zoomed_out=False)
    assert len(layout.lines) > 1
    assert all(label.startswith("gpu") for line in layout.lines for _, label in line.labels)


def test_the_cursor_walks_over_gpus_and_lines_and_stays_inside() -> None:
    cursor = HeatCursor()
    cursor.settle(lay_out(racks([2, 2]), 24, zoomed_out=False))
    assert cursor.tile is not None and cursor.gpu == 0
    for _ in range(8):
        cursor.step(1, 0)
    assert (cursor.tile.name, cursor.gpu) == ("n0-1", 0)
    cursor.step(-1, 0)
    assert (cursor.tile.name, cursor.gpu) == ("n0-0", 7)
    cursor.step(0, 1)
    assert (cursor.tile.name, cursor.gpu) == ("n1-0", 7)
    cursor.step(0, 5)
    assert cursor.tile.name == "n1-0"


def test_the_cursor_stays_on_its_node_when_the_layout_changes() -> None:
    cursor = HeatCursor()
    cursor.settle(lay_out(racks([3]), 80, zoomed_out=False))
    cursor.step(20, 0)
    for _ in range(12):
        cursor.step(1, 0)
    name, gpu = cursor.tile.name if cursor.tile else "", cursor.gpu
    cursor.settle(lay_out(racks([3, 3]), 40, zoomed_out=False))
    assert cursor.tile is not None and (cursor.tile.name, cursor.gpu) == (name, gpu)


def test_the_cursor_of_an_empty_map_does_nothing() -> None:
    cursor = HeatCursor()
    cursor.settle(lay_out([], 80, zoomed_out=False))
    cursor.step(1, 1)
    cursor.to_line(3)
    cursor.scroll_into_view(10)
    assert cursor.tile is None and cursor.tiles_after() == []


def test_allocation_needs_no_telemetry() -> None:
    store = store_with(*nodes(gpus_used=2, gpus_used_indexes=(1, 3)))
    assert [glyph for glyph, _ in cells(store, "allocation")] == list("□■□■□□□□")


def test_gpus_of_one_job_have_one_colour() -> None:
    jobs = (job("1", gpu_map=(("gpu001", (0, 1, 2, 3)),)), job("2", gpu_map=(("gpu001", (4, 5, 6, 7)),)))
    store = store_with(*nodes(gpus_used=8, gpus_used_indexes=tuple(range(8))), *slices(listing("job", *jobs), 1))
    roles = [role for _, role in cells(store, "allocation")]
    assert len(set(roles[:4])) == 1 and len(set(roles[4:])) == 1


def test_a_down_node_and_a_fallen_gpu_are_crosses() -> None:
    assert cells(store_with(*nodes(state="DOWN")), "allocation") == [DOWN] * 8
    store = store_with(*nodes(gpus_used=0, gpus_used_indexes=()), *gpu_columns(xid=[0, 0, 0, 79, 0, 13, 0, 0]))
    assert cells(store, "allocation")[3] == DOWN
    assert cells(store, "allocation")[5][0] == "□", "an Xid that a program caused is no fault of the GPU"
    assert cells(store, "xid")[5] == ("▲", "warn")


def test_an_allocation_nobody_knows_is_not_called_free() -> None:
    assert cells(store_with(*nodes(gpus_used=None, gpus_used_indexes=None)), "allocation") == [NO_DATA] * 8


def test_a_value_that_nobody_has_is_a_dot_and_never_zero() -> None:
    values = [math.nan, 0.0, 50.0, 100.0, *[math.nan] * 4]
    store = store_with(*nodes(), *gpu_columns(util_percent=values, temperature_celsius=[40.0] * 8))
    assert [glyph for glyph, _ in cells(store, "util")] == ["·", "▁", "▅", "▇", "·", "·", "·", "·"]
    assert cells(store, "power") == [NO_DATA] * 8


def test_a_gpu_that_its_host_no_longer_reports_is_missing_in_every_view() -> None:
    values = [math.nan, *[50.0] * 7]
    store = store_with(*nodes(gpus_used_indexes=(), gpus_used=0), *gpu_columns(util_percent=values, power_watts=values))
    assert cells(store, "util")[0] == MISSING
    assert cells(store, "power")[0] == MISSING
    assert cells(store, "allocation") == [MISSING, *[("□", "faint")] * 7]


def test_a_host_that_reports_fewer_gpus_than_the_scheduler_counts_misses_some() -> None:
    rows = [GpuRows("dcgm", "a100", 1, ("gpu001",), (7,))]
    column = GpuColumn("dcgm", "a100", 1, "util_percent", NOW, memoryview(float_column([5.0] * 7)))
    store = store_with(*nodes(gpus_used=0, gpus_used_indexes=()), *rows, column)
    assert cells(store, "util")[7] == MISSING
    assert cells(store, "allocation")[7] == MISSING


def test_a_host_without_telemetry_misses_nothing() -> None:
    store = store_with(*nodes(gpus_used=0, gpus_used_indexes=()), *gpu_columns(util_percent=[math.nan] * 8))
    assert cells(store, "util") == [NO_DATA] * 8
    assert {glyph for glyph, _ in cells(store, "allocation")} == {"□"}


def test_old_samples_and_late_sources_are_hatched_darker_where_they_were_high() -> None:
    ages = [0.0, 300.0, 300.0, *[0.0] * 5]
    store = store_with(*nodes(), *gpu_columns(util_percent=[20.0, 20.0, *[80.0] * 6], age_seconds=ages))
    assert cells(store, "util")[:3] == [("▂", "load-1"), STALE, STALE_BUSY]
    assert cells(store, "util", NOW + 100) == [STALE, STALE, *[STALE_BUSY] * 6]
    assert {glyph for glyph, _ in cells(store, "allocation", NOW + 100)} == {"░"}


def test_how_old_is_too_old_is_the_sources_to_say() -> None:
    store = store_with(
        *nodes(),
        GpuRows("dcgm", "a100", 1, ("gpu001",), (8,), stale_after_seconds=400.0),
        *gpu_columns(util_percent=[20.0] * 8, age_seconds=[300.0] * 8)[1:],
    )
    assert cells(store, "util")[0] == ("▂", "load-1")


def failing(job: str = "dcgm-exporter", since: float = NOW - 30) -> list[Message]:
    target = Target(
        cluster="a100", source="prometheus", when=NOW, job=job, instance="gpu001:9400", host="gpu001",
        error="connection refused", since=since, interval_seconds=15.0,
    )  # fmt: skip
    return list(slices(listing("target", target, source="prometheus"), 1))


def test_a_failing_exporter_makes_its_host_stale_at_once() -> None:
    told = gpu_columns(util_percent=[80.0] * 8, xid=[79.0, *[0.0] * 7], age_seconds=[40.0] * 8)
    store = store_with(*nodes(), *told, *failing())
    assert cells(store, "util") == [STALE_BUSY] * 8
    assert cells(store, "xid") == [("✕", "stale"), *[STALE] * 7]


def test_another_failing_exporter_of_the_host_says_nothing_about_its_gpus() -> None:
    told = gpu_columns(util_percent=[80.0] * 8, age_seconds=[3.0] * 8)
    for job_name in ("node-exporter", "ipmi", "dcgm-exporter"):
        store = store_with(*nodes(), *told, *failing(job_name))
        assert cells(store, "util")[0] == ("▇", "load-6"), "samples younger than the failure prove it wrong"
    store = store_with(*nodes(), *told, *failing("node-exporter", since=NOW - 5))
    assert cells(store, "util")[0] == ("▇", "load-6")


def test_a_gpu_unlike_the_others_of_its_job_stands_out() -> None:
    watts = [650.0, 655.0, 402.0, 660.0, 648.0, 651.0, 662.0, 655.0]
    told = gpu_columns(power_watts=watts, util_percent=[99.0] * 8, memory_used_bytes=[1e9] * 8)
    used = nodes(gpus_used=8, gpus_used_indexes=tuple(range(8)))
    store = store_with(*used, *told, *slices(listing("job", job("1")), 1))
    assert [cell == ODD for cell in cells(store, "power")] == [False, False, True, *[False] * 5]
    assert cells(store, "util")[2] == ODD, "the rank that waits looks busy; its power tells"
    assert ODD not in cells(store, "memory")


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.id)
def test_levels_stay_on_the_scale(metric: object) -> None:
    for value in (-1e9, metric.low, metric.high, 1e9):  # type: ignore[attr-defined]
        assert 0 <= metric.level(value) <= 7  # type: ignore[attr-defined]


def test_a_whole_node_shows_its_worst() -> None:
    assert whole_node([("■", "series-1"), DOWN, ("□", "faint")]) == DOWN
    assert whole_node([("■", "series-1")] * 8) == ("■", "series-1")
    assert whole_node([("■", "series-1"), ("□", "faint")]) == ("◧", "series-1")
    assert whole_node([NO_DATA] * 8) == NO_DATA
    assert whole_node([("▁", "load-0"), ("▇", "load-6")]) == ("▄", "load-3")
