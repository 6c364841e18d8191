"""Sparklines: what was measured is drawn, what was not is a gap."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from crashcart.backends.model import GpuColumn, GpuRows, History
from crashcart.ops.series import gpu_samples, host_samples
from crashcart.ops.store import Store
from crashcart.tui.sparklines import GAP, span_of, spans_of, sparkline
from tests.entities import float_column

NOW = 10_000.0


def line(values: Sequence[float | None], *, step: float = 60.0, width: int = 10, seconds: float = 900.0) -> str:
    """A line of values a step apart, the last one now."""
    count = len(values)
    samples = [(NOW - step * (count - 1 - i), value) for i, value in enumerate(values) if value is not None]
    return sparkline(samples, now=NOW, seconds=seconds, width=width, low=0, high=100)


def test_each_cell_is_the_mean_of_its_samples() -> None:
    assert line([0.0] * 8 + [100.0] * 8) == "▁▁▁▁▁▇▇▇▇▇"


def test_a_gap_stays_a_gap() -> None:
    assert line([50.0] * 5 + [None] * 6 + [50.0] * 5) == "▅▅▅····▅▅▅"


def test_before_the_first_sample_there_is_nothing() -> None:
    assert line([50.0] * 4) == "········▅▅"


def test_sparse_samples_make_a_shorter_line_and_no_invented_gaps() -> None:
    shown = line([50.0] * 61, width=60, seconds=3600)
    assert shown == " " * 20 + "▅" * 40


def test_values_beyond_the_scale_stay_in_it() -> None:
    assert set(line([-5.0, 400.0] * 8, width=10)) <= set("▁▂▃▄▅▆▇")


def test_nothing_measured_is_all_gaps() -> None:
    assert sparkline([], now=NOW, seconds=60, width=5, low=0, high=1) == GAP * 5


@given(
    st.lists(st.tuples(st.floats(-8000, 100), st.floats(-10, 200)), max_size=60),
    st.integers(1, 60),
    st.sampled_from([120.0, 3600.0]),
)
def test_a_line_is_exactly_as_wide_as_asked(samples: list[tuple[float, float]], width: int, seconds: float) -> None:
    held = sorted((NOW + offset, value) for offset, value in samples)
    shown = sparkline(held, now=NOW, seconds=seconds, width=width, low=0, high=100)
    assert len(shown) == width
    assert "".join(text for text, _ in spans_of(shown)) == shown


def test_the_stretch_has_room_for_what_is_known() -> None:
    assert span_of([(NOW - 100, 1.0)], NOW) == (120, "2m")
    assert span_of([(NOW - 3500, 1.0)], NOW) == (3600, "1h")
    assert span_of([(NOW - 9999, 1.0)], NOW) == (3600, "1h")


def history(source: str = "prometheus", **series: list[float]) -> History:
    values = array("f", [value for held in series.values() for value in held])
    names = tuple(name.replace("__", "/") for name in series)
    return History(source, "a100", "host:gpu001", NOW, NOW - 180, 60.0, names, memoryview(values).cast("B"))


def test_a_gpus_own_samples_come_first_and_are_backfilled() -> None:
    store = Store()
    store.apply(GpuRows("dcgm", "a100", 1, ("gpu001",), (2,)))
    for when, value in ((NOW - 70, 1.0), (NOW - 10, 2.0)):
        store.apply(GpuColumn("dcgm", "a100", 1, "util_percent", when, float_column([0.0, value])))
    store.apply(history(util_percent__1=[7.0, 8.0, 9.0, 9.0], util_percent__0=[0.0] * 4))
    found = gpu_samples(store, "a100", "gpu001", 1, "util_percent")
    assert found == [(NOW - 180, 7.0), (NOW - 120, 8.0), (NOW - 70, 1.0), (NOW - 10, 2.0)]


def test_samples_that_were_not_taken_are_left_out() -> None:
    store = Store()
    store.apply(history(cpu_percent=[1.0, math.nan, math.nan, 4.0]))
    assert host_samples(store, "a100", "gpu001", "cpu_percent") == [(NOW - 180, 1.0), (NOW, 4.0)]
    assert host_samples(store, "a100", "gpu001", "load") == []
    assert host_samples(store, "a100", "gpu002", "cpu_percent") == []
