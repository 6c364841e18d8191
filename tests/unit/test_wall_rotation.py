"""The round of pages: each its time; a new critical alert stops it, and nobody can stop it for ever."""

from __future__ import annotations

from collections.abc import Hashable

from crashcart.tui.wall.rotation import HOLD_SECONDS, Rotation

NONE: frozenset[Hashable] = frozenset()
ONE: frozenset[Hashable] = frozenset({"xid on gpu007"})
TWO: frozenset[Hashable] = ONE | {"xid on gpu009"}


def rotation(*pages: str) -> Rotation:
    return Rotation(pages or ("overview", "jobs", "alerts"), 20.0, 0.0)


def test_each_page_has_its_time_and_the_first_follows_the_last() -> None:
    made = rotation()
    seen = []
    for second in range(80):
        made.tick(float(second))
        seen.append(made.page)
    assert seen == [page for page in ("overview", "jobs", "alerts", "overview") for _ in range(20)]
    assert made.left_seconds(79.0) == 1.0


def test_a_new_critical_goes_to_the_page_of_alerts_and_stays_until_it_ends() -> None:
    made = rotation()
    made.criticals(NONE, NONE, 0.0)
    made.criticals(ONE, NONE, 5.0)
    assert (made.page, made.pinned, made.left_seconds(5.0)) == ("alerts", ONE, None)
    for second in range(5, 200):
        made.tick(float(second))
    assert made.page == "alerts"
    made.criticals(NONE, NONE, 200.0)
    made.tick(205.0)
    assert made.page == "overview"


def test_one_that_comes_while_another_holds_is_waited_for_too() -> None:
    made = rotation()
    made.criticals(NONE, NONE, 0.0)
    made.criticals(ONE, NONE, 1.0)
    made.criticals(TWO, NONE, 2.0)
    made.criticals(TWO - ONE, NONE, 3.0)
    assert made.pinned == TWO - ONE


def test_old_ones_do_not_stop_a_wall_that_has_only_just_started_and_young_ones_do() -> None:
    made = rotation()
    made.criticals(TWO, ONE, 0.0)
    assert made.pinned == ONE
    other = rotation()
    other.criticals(TWO, NONE, 0.0)
    other.criticals(TWO, TWO, 1.0)
    assert not other.pinned


def test_one_that_went_and_came_back_is_new() -> None:
    made = rotation()
    for firing, now in ((ONE, 0.0), (NONE, 1.0), (ONE, 2.0)):
        made.criticals(firing, NONE, now)
    assert made.pinned == ONE


def test_who_looks_elsewhere_meanwhile_is_brought_back() -> None:
    made = rotation()
    made.criticals(NONE, NONE, 0.0)
    made.criticals(ONE, NONE, 1.0)
    made.turn(1, 2.0)
    made.tick(3.0)
    assert made.page == "overview"
    made.tick(22.0)
    assert made.page == "alerts"


def test_a_critical_comes_through_a_hold_and_a_hold_ends_by_itself() -> None:
    made = rotation()
    made.criticals(NONE, NONE, 0.0)
    made.hold(1.0)
    made.tick(100.0)
    assert (made.page, made.is_held) == ("overview", True)
    made.criticals(ONE, NONE, 101.0)
    assert made.page == "alerts"
    made.criticals(NONE, NONE, 102.0)
    made.tick(1.0 + HOLD_SECONDS)
    assert not made.is_held


def test_without_a_page_of_alerts_the_overview_or_the_page_that_is_up_shows_it() -> None:
    for pages, expected in ((("jobs", "overview"), "overview"), (("jobs", "queues"), "jobs")):
        made = rotation(*pages)
        made.criticals(NONE, NONE, 0.0)
        made.criticals(ONE, NONE, 1.0)
        assert made.page == expected
