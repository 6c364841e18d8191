"""Who is unlike the others of a job: slow ranks are found, noise and small jobs are not called odd."""

from __future__ import annotations

import math
import random

from hypothesis import given
from hypothesis import strategies as st

from crashcart.ops.outliers import FEWEST_PEERS, JUDGED, Outlier, bounds, find
from tests.entities import float_column

POWER, UTIL, HEAT = JUDGED


def column(values: list[float]) -> memoryview[float]:
    return float_column(values).cast("f")


def found(**metrics: list[float]) -> dict[int, Outlier]:
    size = len(next(iter(metrics.values())))
    return find({name: column(values) for name, values in metrics.items()}, [(0, size)])


def test_a_slow_rank_is_told_by_its_power_first() -> None:
    odd = found(power_watts=[655.0] * 7 + [210.0], util_percent=[99.0] * 7 + [20.0])
    assert odd == {7: Outlier("power_watts", 210.0, 655.0)}


def test_a_stuck_rank_with_the_power_of_the_others_is_told_by_its_use() -> None:
    odd = found(power_watts=[90.0] * 8, util_percent=[100.0] * 7 + [0.0])
    assert odd[7].metric == "util_percent"


def test_only_heat_is_odd_and_not_cold() -> None:
    assert set(found(temperature_celsius=[60.0] * 6 + [81.0, 40.0])) == {6}


def test_a_very_even_job_does_not_make_ordinary_noise_odd() -> None:
    assert found(power_watts=[650.0] * 7 + [640.0], util_percent=[98.0] * 7 + [93.0]) == {}


def test_among_too_few_there_is_no_saying_who_is_odd() -> None:
    assert found(power_watts=[650.0] * (FEWEST_PEERS - 1) + [100.0]) == {}
    assert 4 in found(power_watts=[650.0] * FEWEST_PEERS + [100.0])


def test_gpus_without_a_sample_are_no_peers_and_never_odd() -> None:
    values = [math.nan, *[650.0] * 6, 100.0]
    assert set(found(power_watts=values)) == {7}
    assert found(power_watts=[math.nan] * 5 + [650.0, 650.0, 100.0]) == {}


def test_a_job_whose_ranks_differ_by_design_has_no_outliers() -> None:
    assert found(power_watts=[650.0, 300.0] * 16) == {}


def test_one_odd_sample_is_noise_until_the_next_ones_agree() -> None:
    now = {"power_watts": column([650.0] * 7 + [200.0])}
    was_well, was_odd = column([650.0] * 8), column([650.0] * 7 + [210.0])
    assert find(now, [(0, 8)], {"power_watts": [was_odd, was_well]}) == {}
    assert set(find(now, [(0, 8)], {"power_watts": [was_odd, was_odd]})) == {7}


def test_rows_of_other_jobs_are_not_looked_at() -> None:
    power = {"power_watts": column([100.0, 650.0, 650.0, 650.0, 100.0, 650.0, 650.0, 650.0])}
    assert set(find(power, [(1, 7)])) == {4}
    assert find(power, [(1, 3), (5, 3)]) == {}


def test_a_large_job_is_measured_by_some_of_its_gpus_and_every_gpu_is_judged() -> None:
    random.seed(3)
    values = [random.gauss(640, 15) for _ in range(10_000)]
    values[7_777] = 300.0
    assert set(found(power_watts=values)) == {7_777}


@given(st.lists(st.floats(1, 2000, width=32) | st.just(math.nan), max_size=40))
def test_the_quick_look_never_hides_an_outlier(values: list[float]) -> None:
    low, _, high = bounds(values, POWER)
    odd = {row for row, value in enumerate(values) if value < low or value > high}
    assert set(found(power_watts=values) if values else ()) == odd


@given(st.lists(st.floats(0, 100, width=32), min_size=5, max_size=40))
def test_the_median_is_never_an_outlier(values: list[float]) -> None:
    low, median, high = bounds(values, UTIL)
    assert low <= median <= high
    assert bounds(values, HEAT)[0] == -math.inf
