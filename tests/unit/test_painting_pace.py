"""When the next piece may be written: what waits for what, and for how long at most."""

from __future__ import annotations

import asyncio
import io
import time

import pytest

from crashcart.tui.painting.gauge import Outlet
from crashcart.tui.painting.meter import WINDOW_SECONDS, Meter
from crashcart.tui.painting.pace import (
    KEY_SECONDS,
    LOST_SECONDS,
    PROBE_SECONDS,
    QUESTION,
    REFRESH_SECONDS,
    Pace,
)

NEVER = float("-inf")


def slow() -> Pace:
    pace = Pace()
    pace.is_slow = True
    return pace


def test_a_fast_link_waits_for_nothing() -> None:
    pace = Pace()
    pace.opened(100.0)
    assert pace.until_refresh(NEVER, 100.0) == 0.0
    assert pace.question(100.0) == QUESTION
    assert pace.until_answer(100.0) == 0.0
    assert pace.limit is None


def test_a_slow_link_is_refreshed_twice_a_second() -> None:
    pace = slow()
    pace.opened(100.0)
    assert pace.until_refresh(NEVER, 100.1) == pytest.approx(REFRESH_SECONDS - 0.1)
    assert pace.until_refresh(NEVER, 100.6) == 0.0


def test_what_a_key_changed_does_not_wait_for_a_refresh() -> None:
    pace = slow()
    pace.opened(100.0)
    assert pace.until_refresh(100.05, 100.1) == 0.0
    assert pace.until_refresh(100.0 - KEY_SECONDS, 100.1) > 0


def test_one_piece_is_under_way_until_it_is_answered() -> None:
    pace = slow()
    assert pace.question(100.0) == QUESTION
    assert pace.until_answer(100.2) > 0
    pace.answered(100.4)
    assert pace.until_answer(100.4) == 0.0
    assert pace.round_trip == pytest.approx(0.4)


def test_a_lost_answer_is_not_waited_for_longer_than_five_seconds() -> None:
    pace = slow()
    pace.question(100.0)
    assert pace.until_answer(100.0 + LOST_SECONDS - 0.1) > 0
    assert pace.until_answer(100.0 + LOST_SECONDS) == 0.0


def test_a_terminal_that_never_answers_is_asked_no_more() -> None:
    pace = slow()
    asked = []
    for number in range(5):
        asked.append(pace.question(100.0 + number * LOST_SECONDS))
        pace.until_answer(100.0 + (number + 1) * LOST_SECONDS)
    assert asked == [QUESTION, QUESTION, "", "", ""]


def test_a_fast_link_is_asked_seldom_and_sooner_after_a_late_answer() -> None:
    pace = Pace()
    assert pace.question(100.0) == QUESTION
    pace.answered(100.01)
    assert pace.question(100.0 + PROBE_SECONDS / 2) == ""
    assert pace.question(100.0 + PROBE_SECONDS) == QUESTION
    pace.answered(100.0 + PROBE_SECONDS + 3)
    assert pace.question(100.0 + PROBE_SECONDS + 4) == QUESTION


def test_the_meter_knows_bytes_a_second_of_the_last_ten() -> None:
    meter = Meter()
    assert meter.rate is None
    meter.note(100.0, 5_000)
    assert meter.rate is None
    meter.note(102.0, 7_000)
    assert meter.rate == 1_000
    for second in range(1, 20):
        meter.note(102.0 + second, 7_000)
    assert meter.rate == 0
    assert WINDOW_SECONDS == 10


async def test_an_outlet_is_drained_when_the_thread_has_flushed_all_it_was_given() -> None:
    outlet = Outlet(io.StringIO(), asyncio.get_running_loop())
    called = asyncio.Event()
    assert outlet.is_drained
    outlet.give(5)
    outlet.when_drained(called.set)
    outlet.write("abc")
    outlet.flush()
    assert not outlet.is_drained
    outlet.write("dé")
    outlet.flush()
    assert outlet.is_drained
    await asyncio.wait_for(called.wait(), 5)
    assert outlet.size_bytes == 6


async def test_asking_a_drained_outlet_calls_back_at_once_and_once() -> None:
    outlet = Outlet(io.StringIO(), asyncio.get_running_loop())
    calls: list[int] = []
    outlet.when_drained(lambda: calls.append(1))
    outlet.give(1)
    outlet.write("x")
    outlet.flush()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert calls == [1]


async def test_the_lag_of_what_is_under_way_grows_until_it_is_taken() -> None:
    outlet = Outlet(io.StringIO(), asyncio.get_running_loop())
    start = time.monotonic()
    outlet.give(1)
    await asyncio.sleep(0.02)
    assert 0.02 <= outlet.lag <= time.monotonic() - start
    outlet.write("x")
    outlet.flush()
    lag = outlet.lag
    await asyncio.sleep(0.02)
    assert outlet.lag == lag


async def test_what_was_given_to_a_thread_that_is_gone_holds_up_nothing() -> None:
    outlet = Outlet(io.StringIO(), asyncio.get_running_loop())
    outlet.give(5)
    assert not outlet.is_drained
    outlet.begin_anew()
    assert outlet.is_drained
    outlet.give(2)
    outlet.write("ab")
    outlet.flush()
    assert outlet.is_drained
