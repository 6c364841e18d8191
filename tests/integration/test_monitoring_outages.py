"""The monitoring itself fails: a dead Prometheus or Alertmanager is told as such and never turns the board green."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from . import monitoring_config as config
from .monitoring_service import until
from .monitoring_stack import MonitoringStack
from .monitoring_watch import Watch, session, watching

pytestmark = pytest.mark.real

FIRST_SECONDS = 20.0
SOON = 7.0  # two polls of 1 s, one timeout of 2 s, on a machine that is busy
RESTART_SECONDS = 40.0  # Prometheus scrapes 6 s after its start; a source that is down is asked again with pauses


@pytest.fixture
async def lab(monitoring: MonitoringStack, tmp_path: Path) -> AsyncIterator[Watch]:
    """What is known while an Xid fires."""
    monitoring.exporters.inject(1, 3, "DCGM_FI_DEV_XID_ERRORS", 79)
    async with watching(session(tmp_path, monitoring.tables())) as watch:
        await watch.until(
            "an alert", lambda: bool(watch.alerts("GpuXidError", "firing", "alertmanager")), FIRST_SECONDS
        )
        await watch.until("numbers", lambda: watch.value("xid", "gpu001", 3) == 79.0, FIRST_SECONDS)
        await watch.until("delivery", lambda: watch.check_state("alert delivery") == "ok", FIRST_SECONDS)
        yield watch


@pytest.mark.parametrize("how", ["kill", "freeze"])
async def test_a_dead_or_frozen_prometheus_is_down_with_its_numbers_kept_and_comes_back(
    lab: Watch, monitoring: MonitoringStack, how: str
) -> None:
    before = [lab.value("util_percent", host, 0) for host in monitoring.exporters.hosts]
    getattr(monitoring.prometheus, how)()
    died = time.time()
    await lab.until("down", lambda: lab.freshness("prometheus") == "down", SOON)
    assert lab.detail("prometheus").count("\n") == 0
    assert str(monitoring.ports["prometheus"]) in lab.detail("prometheus")
    assert [lab.value("util_percent", host, 0) for host in monitoring.exporters.hosts] == before
    assert not lab.store.knows("target", time.time(), "lab"), "what nobody lists any more may not be counted"
    await lab.until("older", lambda: lab.age("util_percent", "gpu001", 0) > 5, SOON)
    assert abs((time.time() - lab.age("util_percent", "gpu001", 0)) - died) < 3.0
    if how == "kill":
        monitoring.prometheus.start()
    else:
        monitoring.prometheus.thaw()
    await lab.until("live again", lambda: lab.freshness("prometheus") == "live", RESTART_SECONDS)
    await lab.until("fresh numbers", lambda: lab.age("util_percent", "gpu001", 0) < 4, RESTART_SECONDS)


async def test_alertmanager_forgets_after_prometheus_died_and_the_board_says_why(
    lab: Watch, monitoring: MonitoringStack
) -> None:
    monitoring.prometheus.kill()
    died = time.time()
    await lab.until("forgotten", lambda: not lab.alerts("Watchdog", source="alertmanager"), SOON)
    await lab.until("delivery", lambda: lab.check_state("alert delivery") == "critical", 20)
    check = lab.check("alert delivery")
    assert check is not None
    assert check.source == "alertmanager"
    assert check.since is not None
    assert abs(check.since - died) < 3.0, "since Prometheus fell silent, not since we noticed"
    assert lab.check_state("dead-man alert") in ("warning", "critical", "unknown")
    assert not monitoring.alerts(), "Alertmanager itself lists nothing any more"
    assert lab.freshness("prometheus") == "down"
    monitoring.prometheus.start()
    await lab.until("delivered again", lambda: lab.check_state("alert delivery") == "ok", RESTART_SECONDS)


async def test_a_dead_alertmanager_leaves_what_prometheus_fires(lab: Watch, monitoring: MonitoringStack) -> None:
    monitoring.alertmanager.kill()
    await lab.until("down", lambda: lab.freshness("alertmanager") == "down", SOON)
    assert str(monitoring.ports["alertmanager0"]) in lab.detail("alertmanager")
    assert "nothing listens there" in lab.detail("alertmanager")
    assert lab.freshness("prometheus") == "live"
    assert lab.alerts("GpuXidError", "firing", "prometheus")
    assert not lab.store.knows("alert", time.time(), "lab")
    monitoring.alertmanager.start()
    await lab.until("live again", lambda: lab.freshness("alertmanager") == "live", RESTART_SECONDS)
    await lab.until("alerts", lambda: bool(lab.alerts("GpuXidError", "firing", "alertmanager")), SOON)


async def test_a_frozen_alertmanager_is_down_and_harms_no_other(lab: Watch, monitoring: MonitoringStack) -> None:
    monitoring.alertmanager.freeze()
    await lab.until("down", lambda: lab.freshness("alertmanager") == "down", SOON)
    assert lab.age("util_percent", "gpu001", 0) < SOON
    monitoring.alertmanager.thaw()
    await lab.until("live again", lambda: lab.freshness("alertmanager") == "live", RESTART_SECONDS)


async def test_a_dead_man_alert_that_is_missing_is_critical(lab: Watch, monitoring: MonitoringStack) -> None:
    assert lab.check_state("dead-man alert") == "ok"
    monitoring.set_rules([rule for rule in config.rules("Hostname") if rule["alert"] != "Watchdog"])
    await lab.until("critical", lambda: lab.check_state("dead-man alert") == "critical", 20)
    check = lab.check("dead-man alert")
    assert check is not None
    assert "Watchdog" in check.detail
    assert lab.check_state("alert delivery") == "ok", "other alerts still arrive"


async def test_a_rule_that_fails_is_told(monitoring: MonitoringStack, tmp_path: Path) -> None:
    twice = config.alert("Twice", 'label_replace(up, "instance", "", "", "")', "warning", "two series become one")
    monitoring.set_rules([*config.rules("Hostname"), twice])
    until("the rule has failed", lambda: "err" in health(monitoring), SOON)
    async with watching(session(tmp_path, monitoring.tables())) as watch:
        await watch.until("told", lambda: watch.check_state("rule evaluation") == "critical", FIRST_SECONDS)
        check = watch.check("rule evaluation")
        assert check is not None
        assert "Twice" in check.detail
        assert "1 of 6" in check.detail


def health(monitoring: MonitoringStack) -> set[str]:
    """How the rules of Prometheus are."""
    groups = monitoring.get(f"{monitoring.prometheus_url}/api/v1/rules")["data"]["groups"]
    return {rule["health"] for group in groups for rule in group["rules"]}


async def test_one_of_two_alertmanagers_dies_and_the_other_tells(
    make_monitoring: Callable[..., MonitoringStack], tmp_path: Path
) -> None:
    monitoring = make_monitoring(nodes=1, alertmanagers=2)
    monitoring.exporters.inject(1, 3, "DCGM_FI_DEV_XID_ERRORS", 79)
    names = [f"alertmanager 127.0.0.1:{monitoring.ports[name]}" for name in ("alertmanager0", "alertmanager1")]
    async with watching(session(tmp_path, monitoring.tables())) as watch:
        await watch.until("one alert", lambda: len(watch.alerts("GpuXidError", source="alertmanager")) == 1, 20)
        monitoring.alertmanagers[0].kill()
        await watch.until("told", lambda: watch.check_state(names[0]) in ("warning", "critical"), SOON)
        assert watch.check_state(names[1]) in ("none", "ok")
        assert watch.freshness("alertmanager") == "live"
        assert len(watch.alerts("GpuXidError", "firing", "alertmanager")) == 1
        monitoring.alertmanagers[0].start()
        await watch.until("back", lambda: watch.check_state(names[0]) in ("none", "ok"), SOON)
