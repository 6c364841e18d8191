"""A board without alerts is good news only from a monitoring that is whole."""

from __future__ import annotations

import pytest

from crashcart.backends import wire
from crashcart.backends.model import Alert, Batch, Check
from crashcart.ops.clock import SystemClock
from crashcart.ops.store import Store
from crashcart.tui.monitoring import alert_counts, alert_verdict, alerts_known, facts, firing_count, firing_spans
from crashcart.tui.shown import Shown
from crashcart.tui.states import alert_mark, severity_rank
from tests.entities import alert, listing
from tests.monitoring_entities import check, target

NOW = 1010.0


class StillClock(SystemClock):
    """Always the same moment."""

    def now(self) -> float:
        return NOW


def source(name: str, state: str = "live", last: float | None = 1008.0, detail: str = "") -> wire.Source:
    return wire.Source("a100", name, state, 5.0, last, 0, detail)  # type: ignore[arg-type]


def picture(
    *alerts: Alert,
    checks: tuple[Check, ...] = (),
    sources: tuple[wire.Source, ...] = (source("alertmanager"), source("prometheus")),
) -> Shown:
    store = Store()
    store.collector_up()
    for one in sources:
        store.apply(one)
    listings: list[Batch] = [
        listing("alert", *alerts, source="alertmanager"),
        listing("check", *checks, source="alertmanager"),
    ]
    for batch in listings:
        for part in wire.slices(batch, 1):
            store.apply(part)
    return Shown(store, StillClock())


def words_of(spans: tuple[tuple[str, str], ...]) -> str:
    return "".join(text for text, _ in spans)


def test_no_alerts_is_green_when_every_source_is_live_and_no_check_fails() -> None:
    shown = picture(checks=(check(),))
    assert firing_spans(shown, NOW) == (("✓ no alerts", "ok"),)
    assert alert_verdict(shown, NOW)[0][1] == ("No alerts.", "ok")
    assert firing_count(shown, NOW) == 0


@pytest.mark.parametrize("name", ["alertmanager", "prometheus"])
def test_a_lost_source_makes_the_count_unknown_and_never_zero(name: str) -> None:
    other = "prometheus" if name == "alertmanager" else "alertmanager"
    lost = source(name, "down", 900.0, "connection refused")
    shown = picture(sources=(lost, source(other)))
    assert firing_count(shown, NOW) is None
    assert firing_spans(shown, NOW) == (("? alerts", "unknown"),)
    assert "not known" in words_of(alert_verdict(shown, NOW)[0])
    assert "connection refused" in facts(shown, NOW)[0].text


def test_an_alertmanager_that_never_answered_makes_the_count_unknown() -> None:
    assert not alerts_known(picture(sources=(source("alertmanager", "down", None), source("prometheus"))), NOW)


def test_a_lost_scheduler_says_nothing_about_alerts() -> None:
    assert alerts_known(picture(sources=(source("alertmanager"), source("slurm", "down", 900.0))), NOW)


def test_a_collector_that_died_leaves_nothing_known() -> None:
    shown = picture()
    shown.live.collector_lost()
    assert not alerts_known(shown, NOW)


@pytest.mark.parametrize("name", ["dead-man alert", "alert delivery", "rule evaluation"])
def test_a_broken_pipeline_makes_the_count_unknown(name: str) -> None:
    shown = picture(alert(), checks=(check(name, state="critical"),))
    assert firing_count(shown, NOW) is None
    assert words_of(alert_counts(shown, NOW)) == "? firing  listed: 1 firing"


def test_notifications_that_fail_leave_the_count_and_take_the_green() -> None:
    shown = picture(checks=(check("notifications", state="critical", detail="pagerduty answers 403"),))
    assert firing_count(shown, NOW) == 0
    assert all(role != "ok" for _, role in firing_spans(shown, NOW))
    assert "pagerduty" in words_of(alert_verdict(shown, NOW)[1])


def test_what_a_lost_source_said_of_itself_is_no_fact_any_more() -> None:
    missing = check(state="critical", since=990.0)
    lost = (source("alertmanager", "down", 900.0), source("prometheus"))
    texts = [fact.text for fact in facts(picture(checks=(missing,), sources=lost), NOW)]
    assert len(texts) == 1
    assert texts[0].startswith("alertmanager DOWN")


def test_the_dead_man_comes_first_and_says_since_when() -> None:
    failing = (
        check("alert delivery", state="critical", since=950.0),
        check("notifications", state="critical", detail="no"),
        check(state="critical", since=970.0),
    )
    texts = [fact.text for fact in facts(picture(checks=failing), NOW)]
    assert texts[0].startswith("dead-man alert missing since")
    assert texts[0].endswith("(40s)")
    assert texts[1].startswith("Prometheus silent since")


def test_a_failing_target_is_a_fact_and_leaves_the_count() -> None:
    shown = picture()
    for part in wire.slices(listing("target", target(), source="prometheus"), 1):
        shown.live.apply(part)
    assert [(fact.role, fact.text) for fact in facts(shown, NOW)] == [("warn", "1 scrape target of dcgm not answering")]
    assert alerts_known(shown, NOW)


def test_the_dead_man_alert_itself_is_not_counted() -> None:
    heartbeat = alert("w", name="Watchdog", severity="none", labels=(("severity", "none"),))
    assert firing_count(picture(heartbeat, alert("f2", state="silenced")), NOW) == 0


def test_an_alert_whose_rule_forgot_the_severity_is_counted() -> None:
    assert firing_count(picture(alert(severity="none", labels=(("node", "gpu001"),))), NOW) == 1


def test_a_severity_that_we_do_not_know_is_not_taken_lightly() -> None:
    odd = alert(severity="p1")
    assert alert_mark(odd) == ("▲", "warn")
    assert severity_rank(odd) < severity_rank(alert(severity="info"))
