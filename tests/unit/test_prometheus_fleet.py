"""Rows are only ever added, values move with them, and ages are those of samples, not of queries."""

from __future__ import annotations

import math
from array import array

import pytest

from crashcart.backends.http.server_clock import ServerClock
from crashcart.backends.prometheus.fleet import Fleet, host_of, index_of, natural
from crashcart.backends.prometheus.gpu_columns import BLANK, filled, packed, quieted, restored
from crashcart.backends.prometheus.sample_times import SampleTimes


class Row:
    """What the decoder makes of a sample, as far as columns care."""

    def __init__(self, value: float) -> None:
        self.value = (0.0, value)


def fleet_of(**counts: int) -> Fleet:
    fleet = Fleet()
    fleet.name_rows_by(("Hostname", "instance"), ("gpu", "gpu_id"))
    fleet.place([(host, "", str(gpu), "") for host, count in counts.items() for gpu in range(count)])
    return fleet


def test_rows_are_in_natural_order_and_hold_all_indexes() -> None:
    fleet = Fleet()
    fleet.name_rows_by(("Hostname", "instance"), ("gpu", "gpu_id"))
    rows, grown = fleet.place([("gpu10", "", "1", ""), ("", "gpu2.example.org:9400", "", "3")])
    assert grown and fleet.hosts == ("gpu2.example.org", "gpu10")
    assert [fleet.counts[host] for host in fleet.hosts] == [4, 2]
    assert rows == [5, 3]
    assert fleet.place([("gpu10", "", "1", "")]) == ([5], False)


def test_values_move_with_their_rows_when_others_come() -> None:
    fleet = fleet_of(gpu5=2)
    fleet.columns["xid"] = array("f", [1.0, 2.0])
    fleet.reported[1] = 0
    generation = fleet.generation
    fleet.place([("gpu1", "", "0", ""), ("gpu5", "", "2", "")])
    assert fleet.hosts == ("gpu1", "gpu5") and fleet.generation > generation
    assert [value for value in fleet.columns["xid"] if not math.isnan(value)] == [1.0, 2.0]
    assert list(fleet.columns["xid"])[1:3] == [1.0, 2.0]
    assert list(fleet.unreported()) == [2]


@pytest.mark.parametrize(
    ("host", "gpu"),
    [
        ("gpu1", ""),
        ("", "0"),
        ("gpu1", "x"),
        ("gpu1", "128"),
        ("gpu1", "-1"),
        ("a b", "0"),
        ("\x1b[2J", "0"),
        ("gpu1", "٣"),
    ],
)
def test_labels_that_name_no_gpu_are_counted_and_get_no_row(host: str, gpu: str) -> None:
    fleet = fleet_of(gpu1=1)
    assert fleet.place([(host, "", gpu, "")]) == ([-1], False)
    (stranger,) = fleet.strangers
    assert stranger.isprintable()


def test_names_of_machines_and_gpus_are_taken_from_labels() -> None:
    assert [host_of(label) for label in ("gpu1:9400", "10.0.0.1:9400", "gpu1.example", "[::1]:9400", "", "a:b:1")] == [
        "gpu1", "10.0.0.1", "gpu1.example", None, None, None,
    ]  # fmt: skip
    assert [index_of(label) for label in ("0", "nvidia7", "card12", "GPU-1234", "")] == [0, 7, 12, None, None]
    assert sorted(["gpu10", "gpu9", "a", "gpu²"], key=natural)[:3] == ["a", "gpu9", "gpu10"]


def test_a_machine_is_found_by_a_name_that_differs_in_its_domain() -> None:
    fleet = fleet_of(**{"gpu1.example.org": 1, "gpu2": 1, "gpu3.a.org": 1, "gpu3.b.org": 1})
    assert fleet.find("gpu1") == fleet.find("gpu1.example.org") == "gpu1.example.org"
    assert fleet.find("gpu2.example.org") == "gpu2"
    assert fleet.find("gpu1.other.org") is None, "two full names that differ are two machines"
    assert fleet.find("gpu3") is None, "ambiguous"
    assert fleet.find("gpu") is None


def test_a_column_misses_what_a_machine_no_longer_names_and_keeps_what_fell_silent() -> None:
    fleet = fleet_of(gpu1=2, gpu2=2)
    old = array("f", [1.0, 2.0, 3.0, 4.0])
    new = filled(fleet, old, {"gpu2"}, [0, -1, 3], [Row(5.0), Row(6.0), Row(7.0)], 2.0)
    assert new[0] == 10.0 and math.isnan(new[1]) and list(new[2:]) == [3.0, 4.0]


@pytest.mark.parametrize("value", [BLANK, 140737488355328.0, 9.223372036854776e18, math.inf, -math.inf, math.nan])
def test_blanks_and_infinities_are_missing(value: float) -> None:
    fleet = fleet_of(gpu1=1)
    assert math.isnan(filled(fleet, fleet.blank(), set(), [0], [Row(value)], 1.0)[0])


def test_quiet_means_zero_only_where_it_is_exported() -> None:
    fleet = fleet_of(gpu1=3, gpu2=1)
    old = array("f", [79.0, math.nan, 4.0, 31.0])
    assert [str(value) for value in quieted(fleet, old, {"gpu2"}, keeps_small_bits=False)] == [
        "0.0",
        "nan",
        "0.0",
        "31.0",
    ]
    assert list(quieted(fleet, array("f", [0x4C, 4.0, 1.0, 8.0]), {"gpu2"}, keeps_small_bits=True)) == [
        4.0,
        4.0,
        1.0,
        8.0,
    ]


def test_a_machine_that_went_away_between_two_queries_keeps_its_last_values() -> None:
    fleet = fleet_of(gpu1=2)
    column = array("f", [math.nan, 2.0])
    restored(fleet, column, array("f", [1.0, 9.0]), ["gpu1"])
    assert list(column) == [1.0, 2.0]


def test_columns_are_little_endian_float32() -> None:
    assert bytes(packed(array("f", [1.0, -2.0]))) == b"\x00\x00\x80\x3f\x00\x00\x00\xc0"


def times_of(interval: float = 10.0) -> SampleTimes:
    times = SampleTimes()
    times.interval_seconds = interval
    return times


def test_sample_times_are_carried_on_by_whole_scrapes() -> None:
    times, fleet = times_of(), fleet_of(gpu1=1)
    times.measured({"gpu1": 103.0}, 105.0)
    times.newest_scrape = 129.0
    assert times.seen({"gpu1"}, 130.0) == set()
    assert list(times.ages(fleet, 130.0)) == [7.0]


def test_ages_grow_when_nothing_is_scraped_any_more() -> None:
    times, fleet = times_of(), fleet_of(gpu1=1)
    times.measured({"gpu1": 103.0}, 105.0)
    times.newest_scrape = 104.0
    times.seen({"gpu1"}, 200.0)
    assert list(times.ages(fleet, 200.0)) == [97.0]


def test_a_machine_that_is_not_scraped_regularly_is_not_carried_on() -> None:
    times, fleet = times_of(), fleet_of(gpu1=1)
    times.measured({"gpu1": 50.0}, 105.0)
    times.seen({"gpu1"}, 200.0)
    assert list(times.ages(fleet, 200.0)) == [150.0]


def test_a_machine_that_vanished_keeps_its_last_sample_and_a_missing_gpu_has_no_age() -> None:
    times, fleet = times_of(), fleet_of(gpu1=2, gpu2=1)
    times.measured({"gpu1": 100.0, "gpu2": 101.0}, 105.0)
    times.seen({"gpu1", "gpu2"}, 105.0)
    assert times.seen({"gpu1"}, 145.0) == {"gpu2"}
    times.corrected({"gpu2": 111.0})
    fleet.reported[1] = 0
    ages = list(times.ages(fleet, 145.0))
    assert ages[0] == 5.0 and math.isnan(ages[1]) and ages[2] == 34.0


def test_stale_is_what_missed_more_than_a_scrape() -> None:
    assert times_of(15.0).stale_after_seconds == 32.0
    assert SampleTimes().stale_after_seconds == 62.0, "thirty seconds where the interval is not known"


def test_the_servers_clock_is_ours_plus_a_measured_difference() -> None:
    clock = ServerClock()
    clock.measured(1000.0, 100.0, 100.2)
    assert clock.ours(1000.0) == pytest.approx(100.1)
    clock.measured(1010.1, 110.0, 110.4)
    assert clock.ahead_seconds == pytest.approx(899.9), "what the round trip leaves open is no news"
    clock.measured(1030.0, 120.0, 120.0)
    assert clock.ahead_seconds == pytest.approx(910.0)
    assert clock.when == pytest.approx(120.0)


def test_samples_from_before_a_restart_are_doubted_until_the_next_census() -> None:
    times = times_of(interval=10.0)
    times.measured({"gpu001": 100.0, "gpu002": 99.0}, 160.0)  # the server has just come back and scraped nothing yet
    assert not times.are_regular
    times.measured({"gpu001": 165.0, "gpu002": 164.0}, 170.0)
    assert times.are_regular
    assert SampleTimes().are_regular, "nobody is in doubt where nobody is"
