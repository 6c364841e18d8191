"""The last day of an alert in blocks: what fired, what did not, and what nobody knows."""

from __future__ import annotations

import math

from crashcart.ops.store import Store
from crashcart.tui.alert_strip import NO_DATA, axis, chart, day_of, strip
from tests.monitoring_entities import day_of_alerts

NOW = 1_772_000_000.0
POINTS = 49


def store_with(samples: list[float], end: float = NOW) -> Store:
    store = Store()
    store.apply(day_of_alerts({"Hot": samples}, end))
    return store


def drawn(samples: list[float], cells: int = 48, end: float = NOW, name: str = "Hot") -> str:
    return strip(day_of(store_with(samples, end), "a100", name, NOW, cells), cells)


def test_a_blank_is_none_and_the_height_is_the_number_on_one_scale() -> None:
    samples = [0.0] * POINTS
    samples[-5:] = [1.0, 2.0, 4.0, 64.0, 100_000.0]
    assert drawn(samples) == " " * 43 + "▂▃▄██"


def test_a_gap_in_the_samples_is_dotted_and_never_blank() -> None:
    samples = [math.nan if 10 <= at < 20 else 1.0 for at in range(POINTS)]
    assert drawn(samples).count(NO_DATA) == 10


def test_the_most_that_fired_within_a_cell_is_shown() -> None:
    samples = [0.0] * POINTS
    samples[-2] = 8.0
    assert drawn(samples, cells=24).rstrip() == " " * 23 + "▅"


def test_hours_after_the_last_sample_are_not_known() -> None:
    assert drawn([1.0] * POINTS, end=NOW - 4 * 3600)[-8:] == NO_DATA * 8


def test_every_cell_has_a_value_wherever_between_two_samples_now_is() -> None:
    for late in range(0, 1800, 60):
        assert NO_DATA not in drawn([1.0] * POINTS, end=NOW - late)[1:-1], late


def test_a_name_that_no_history_has_is_not_known() -> None:
    assert drawn([1.0] * POINTS, name="Cold") == NO_DATA * 48


def test_a_name_that_its_own_source_s_history_lacks_has_not_fired_until_that_was_told() -> None:
    store = store_with([1.0] * POINTS, end=NOW - 4 * 3600)
    listed = day_of(store, "a100", "New", NOW, 48, listed_by=frozenset(("alertmanager", "prometheus")))
    assert strip(listed, 48) == " " * 40 + NO_DATA * 8
    foreign = day_of(store, "a100", "New", NOW, 48, listed_by=frozenset(("alertmanager",)))
    assert strip(foreign, 48) == NO_DATA * 48


def test_without_any_history_nothing_is_known() -> None:
    assert day_of(Store(), "a100", "Hot", NOW, 24) is None
    assert strip(None, 24) == NO_DATA * 24


def test_the_source_that_has_the_name_is_asked() -> None:
    store = store_with([1.0] * POINTS)
    other = day_of_alerts({"Cold": [3.0] * POINTS}, NOW + 60)
    store.histories[("a100", "alerts")]["other"] = other
    assert strip(day_of(store, "a100", "Hot", NOW, 24), 24) == "▂" * 24


def test_a_chart_is_as_high_as_the_most_that_fired() -> None:
    lines = chart([0.0, 4.0, 8.0, None], 2)
    assert lines == ["  █ ", f" ██{NO_DATA}"]


def test_a_chart_of_nothing_known_is_one_dotted_line() -> None:
    assert chart([None, None], 3) == ["  ", "  ", NO_DATA * 2]


def test_a_single_alert_is_never_drawn_as_nothing() -> None:
    assert chart([1.0, 1000.0], 2)[1] == "▁█"


def test_the_axis_is_as_wide_as_the_chart() -> None:
    assert len(axis(NOW, 48)) == 48
