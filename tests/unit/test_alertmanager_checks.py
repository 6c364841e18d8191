"""Is alerting itself alive: a Prometheus that dies must not turn the board green, minutes later or ever."""

from __future__ import annotations

from typing import Any

import msgspec

from crashcart.backends.alertmanager import AlertmanagerBackend
from crashcart.backends.alertmanager.checks import Turn, checks
from crashcart.backends.alertmanager.memory import Memory
from crashcart.backends.alertmanager.options import Options
from crashcart.backends.alertmanager.parse import Listed
from crashcart.backends.alertmanager.reading import Metrics, Reading
from crashcart.backends.errors import BackendError, Unreachable
from crashcart.backends.model import Check, RequestLoad
from tests.entities import alert

from .alertmanager_server import context

NOW = 1795596066.0
"""2026-11-25 08:41:06 UTC."""


class Watching:
    """Checks of one memory, turn after turn; times are seconds after `NOW`."""

    def __init__(self, **options: Any) -> None:
        self.memory = Memory()
        self.options = msgspec.convert({"url": "http://a:9093", **options}, Options)

    def at(self, seconds: float, *told: Reading | BackendError) -> dict[str, Check]:
        """What is found when Alertmanagers `a`, `b`, ... told this."""
        named = dict(zip("abc", told, strict=False))
        return {one.name: one for one in checks(Turn("a100", self.options, NOW + seconds, named), self.memory)}


def listed(updated: float, name: str = "GpuXid", state: str = "firing") -> Listed:
    return Listed(alert(name, name=name, state=state), NOW + updated)


def told(*alerts: Listed, **fields: Any) -> Reading:
    return Reading(alerts, (), **fields)


def counts(failed: dict[str, float]) -> Metrics:
    return Metrics(failed, RequestLoad("metrics of a", 30.0, 0.1, 1, len(failed)))


def test_fresh_alerts_are_delivered() -> None:
    delivery = Watching().at(0, told(listed(-20), listed(-170)))["alert delivery"]
    assert (delivery.state, delivery.detail, delivery.since) == ("ok", "", None)


def test_an_old_update_is_a_silent_prometheus_since_then() -> None:
    delivery = Watching().at(0, told(listed(-181), listed(-300)))["alert delivery"]
    assert (delivery.state, delivery.since) == ("critical", NOW - 181)
    assert delivery.detail.startswith(
        "no alert was refreshed since 08:38:05 UTC: Prometheus is silent, or cannot reach"
    )


def test_it_stays_critical_with_its_time_when_everything_is_resolved_by_timeout() -> None:
    watching = Watching()
    assert watching.at(0, told(listed(-5)))["alert delivery"].state == "ok"
    assert watching.at(190, told(listed(-5)))["alert delivery"].since == NOW - 5
    for seconds in (240, 600, 86_400):
        delivery = watching.at(seconds, told())["alert delivery"]
        assert (delivery.state, delivery.since) == ("critical", NOW - 5)
        assert "08:41:01 UTC" in delivery.detail


def test_one_fresh_alert_ends_it() -> None:
    watching = Watching()
    watching.at(190, told(listed(-5)))
    watching.at(300, told())
    assert watching.at(310, told(listed(309)))["alert delivery"].state == "ok"


def test_an_empty_list_is_unknown_without_a_deadman_and_critical_with_one() -> None:
    unknown = Watching().at(0, told())["alert delivery"]
    assert (unknown.state, unknown.since) == ("unknown", None)
    assert "set deadman" in unknown.detail
    critical = Watching(deadman="Watchdog").at(0, told())["alert delivery"]
    assert (critical.state, critical.since) == ("critical", None)
    assert "none was since we look (08:41:06 UTC)" in critical.detail


def test_the_last_alert_that_is_resolved_properly_leaves_it_unknown() -> None:
    watching = Watching()
    watching.at(0, told(listed(-5)))
    assert watching.at(5, told())["alert delivery"].state == "unknown"


def test_a_refresh_counts_also_when_its_alert_is_resolved() -> None:
    watching = Watching()
    watching.at(0, told(listed(-5), listed(-170, "Old")))
    assert watching.at(20, told(listed(-170, "Old")))["alert delivery"].state == "ok"


def test_the_newest_at_any_member_counts_and_a_left_out_member_is_told() -> None:
    found = Watching().at(0, told(listed(-500)), told(listed(-5)), told())
    assert found["alert delivery"].state == "ok"
    assert (found["alertmanager a"].state, found["alertmanager a"].since) == ("warning", NOW - 500)
    assert found["alertmanager b"].state == "ok"
    assert found["alertmanager c"].state == "warning"
    assert "at all" in found["alertmanager c"].detail


def test_another_clock_of_the_server_makes_nothing_old_or_new() -> None:
    an_hour_slow = told(listed(-3600 - 20), skew=3600.0)
    assert Watching().at(0, an_hour_slow)["alert delivery"].state == "ok"
    an_hour_fast = told(listed(3600 - 190), skew=-3600.0)
    assert Watching().at(0, an_hour_fast)["alert delivery"].since == NOW - 190


def test_a_clock_that_is_set_right_is_no_silence() -> None:
    watching = Watching()
    watching.at(0, told(listed(3600 - 5), skew=-3600.0))
    assert watching.at(300, told(listed(295)))["alert delivery"].state == "ok"


def test_no_deadman_is_no_check() -> None:
    assert "dead-man alert" not in Watching().at(0, told(listed(-5)))


def test_a_deadman_that_fires_is_ok() -> None:
    assert Watching(deadman="Watchdog").at(0, told(listed(-5, "Watchdog")))["dead-man alert"].state == "ok"


def test_a_deadman_that_is_gone_is_critical_since_its_last_update() -> None:
    watching = Watching(deadman="Watchdog")
    watching.at(0, told(listed(-5, "Watchdog"), listed(-1)))
    for seconds in (10, 9000):
        check = watching.at(seconds, told(listed(seconds - 1)))["dead-man alert"]
        assert (check.state, check.since) == ("critical", NOW - 5)
    assert "its last update was at 08:41:01 UTC" in check.detail


def test_a_deadman_that_never_was_may_lack_its_rule() -> None:
    check = Watching(deadman="Watchdog").at(0, told(listed(-5)))["dead-man alert"]
    assert (check.state, check.since) == ("critical", None)
    assert "no rule makes it" in check.detail


def test_a_deadman_that_is_not_refreshed_is_critical() -> None:
    check = Watching(deadman="Watchdog").at(0, told(listed(-301, "Watchdog"), listed(-1)))["dead-man alert"]
    assert (check.state, check.since) == ("critical", NOW - 301)


def test_a_silenced_deadman_is_told_because_nobody_outside_hears_it() -> None:
    check = Watching(deadman="Watchdog").at(0, told(listed(-5, "Watchdog", "silenced")))["dead-man alert"]
    assert check.state == "warning" and "silenced" in check.detail


def test_a_member_that_fails_is_critical_since_it_first_did() -> None:
    watching = Watching()
    assert watching.at(0, told(listed(-5)), told(listed(-5)))["alertmanager b"].state == "ok"
    for seconds in (5, 10):
        check = watching.at(seconds, told(listed(0)), Unreachable("alertmanager b: refused"))["alertmanager b"]
        assert (check.state, check.detail, check.since) == ("critical", "alertmanager b: refused", NOW + 5)
    assert watching.at(15, told(listed(10)), told(listed(10)))["alertmanager b"].state == "ok"
    again = watching.at(20, told(listed(10)), Unreachable("x"))["alertmanager b"]
    assert again.since == NOW + 20


def test_notifications_that_fail_are_told_for_ten_minutes() -> None:
    watching = Watching()
    assert "notifications" not in watching.at(0, told(listed(0)))
    old = watching.at(5, told(listed(0), metrics=counts({"webhook": 40.0, "email": 2.0})))["notifications"]
    assert old.state == "ok"
    check = watching.at(30, told(listed(29), metrics=counts({"webhook": 43.0, "email": 2.0})))["notifications"]
    assert (check.state, check.since) == ("critical", NOW + 30)
    assert check.detail.startswith("a: 3 by webhook failed since 08:41:36 UTC")
    between = watching.at(35, told(listed(29)))["notifications"]
    assert between.detail == check.detail
    assert watching.at(631, told(listed(630)))["notifications"].state == "ok"


def test_counts_that_begin_anew_are_no_failures() -> None:
    watching = Watching()
    watching.at(0, told(listed(0), metrics=counts({"webhook": 40.0})))
    assert watching.at(30, told(listed(29), metrics=counts({"webhook": 3.0})))["notifications"].state == "ok"


def test_a_feed_after_a_failed_one_remembers_and_another_cluster_does_not() -> None:
    backend = AlertmanagerBackend()
    first = backend.feed(context("http://a:9093"))
    assert backend.feed(context("http://a:9093")).memory is first.memory
    assert backend.feed(context("http://b:9093")).memory is not first.memory
