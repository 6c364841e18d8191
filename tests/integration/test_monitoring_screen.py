"""Rules that fire in a real Prometheus, and what of it an operator sees on the screen, dead services included."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from textual.pilot import Pilot

from crashcart.ops.collector_link import CollectorLink
from crashcart.tui.app import CrashcartApp

from .monitoring_stack import MonitoringStack
from .monitoring_watch import session

pytestmark = pytest.mark.real

FIRST_SECONDS = 25.0
SOON_SECONDS = 15.0  # a scrape, an evaluation, a push, two polls, of 1 s each, on a machine that is busy
SILENT_SECONDS = 30.0  # Prometheus counts as silent after 10 s, and the machine is busy


class Screen:
    """A cockpit without a terminal that looks at real services."""

    def __init__(self, app: CrashcartApp, pilot: Pilot[None]) -> None:
        self.app = app
        self._pilot = pilot

    @property
    def text(self) -> str:
        strips = self.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip) for strip in strips)

    async def press(self, *keys: str) -> None:
        await self._pilot.press(*keys)
        await self._pilot.pause()

    async def shows(self, *texts: str, seconds: float = SOON_SECONDS) -> None:
        """All of these are on the screen together, soon."""
        end = time.monotonic() + seconds
        while any(text not in self.text for text in texts):
            assert time.monotonic() < end, f"{[t for t in texts if t not in self.text]} not shown:\n{self.text}"
            await self._pilot.pause(0.1)

    def row(self, text: str) -> str:
        return next(line for line in self.text.splitlines() if text in line)


@pytest.fixture
async def screen(monitoring: MonitoringStack, tmp_path: Path) -> AsyncIterator[Screen]:
    """The alert view of a cockpit that has heard of everything."""
    watched = session(tmp_path, monitoring.tables())
    link = CollectorLink(watched, log=tmp_path / "collector.log")
    app = CrashcartApp(watched, link, None, theme="night", identity="anna@login1")
    async with app.run_test(size=(140, 40)) as pilot:
        view = Screen(app, pilot)
        await view.press("4")
        await view.shows("Watchdog", "4 Alerts 0", "0 firing", seconds=FIRST_SECONDS)
        yield view


async def test_an_xid_fires_through_both_services_and_is_one_row(screen: Screen, monitoring: MonitoringStack) -> None:
    host = monitoring.exporters.host(1)
    monitoring.exporters.inject(1, 3, "DCGM_FI_DEV_XID_ERRORS", 79)
    await screen.shows("GpuXidError", "4 Alerts 1", "1 critical")
    assert screen.text.count("GpuXidError") == 1
    assert "not in Alertmanager" not in screen.text
    await screen.press("g", "enter")
    await screen.shows("Alert GpuXidError", "from alertmanager, live", "Xid 79", "Suggested", host)


async def test_a_silence_takes_the_alert_out_of_what_fires(screen: Screen, monitoring: MonitoringStack) -> None:
    monitoring.exporters.inject(1, 3, "DCGM_FI_DEV_XID_ERRORS", 79)
    await screen.shows("✕ critical", "GpuXidError", "4 Alerts 1")
    monitoring.silence(comment="INC-7 looking at it", alertname="GpuXidError")
    await screen.shows("~ silenced", "until ", "4 Alerts 0")
    await screen.press("S")
    await screen.shows("~ active", 'alertname="GpuXidError"', "INC-7 looking at it")


async def test_an_alert_that_waits_is_pending_and_tells_nobody(screen: Screen, monitoring: MonitoringStack) -> None:
    monitoring.exporters.inject(1, 2, "DCGM_FI_DEV_GPU_TEMP", 93)
    await screen.shows("◔ pending", "GpuTempHigh", "nobody is told yet")
    assert "4 Alerts 0" in screen.text


async def test_a_dead_alertmanager_is_a_banner_and_what_fires_is_shown_by_prometheus(
    screen: Screen, monitoring: MonitoringStack
) -> None:
    monitoring.exporters.inject(1, 3, "DCGM_FI_DEV_XID_ERRORS", 79)
    await screen.shows("GpuXidError", "4 Alerts 1")
    monitoring.alertmanager.kill()
    await screen.shows("MONITORING", "alertmanager DOWN since", "4 Alerts ?", "? firing", "GpuXidError")
    await screen.press("g", "enter")
    await screen.shows("from prometheus, live")
    await screen.press("escape")
    monitoring.alertmanager.start()
    await screen.shows("4 Alerts 1", seconds=SILENT_SECONDS)
    assert "MONITORING" not in screen.text


async def test_a_dead_prometheus_never_turns_the_board_green(screen: Screen, monitoring: MonitoringStack) -> None:
    monitoring.exporters.inject(1, 3, "DCGM_FI_DEV_XID_ERRORS", 79)
    await screen.shows("GpuXidError", "4 Alerts 1")
    monitoring.prometheus.kill()
    await screen.shows("MONITORING", "prometheus DOWN since", "4 Alerts ?")
    await screen.shows("dead-man alert missing since", "4 Alerts ?", seconds=SILENT_SECONDS)
    assert "No alerts." not in screen.text
    await screen.press("colon", *"sources", "enter")
    await screen.shows("Alerts are not known", "alert delivery", "✕ down")


async def test_a_dead_exporter_is_an_alert_and_a_target_that_says_why(
    screen: Screen, monitoring: MonitoringStack
) -> None:
    monitoring.exporters.kill(2)
    await screen.shows("ExporterDown", "4 Alerts 1")
    await screen.press("T")
    await screen.shows("Failing targets", monitoring.exporters.instance(2), "connection refused")


async def test_the_last_day_of_what_fires_is_drawn(screen: Screen, monitoring: MonitoringStack) -> None:
    monitoring.exporters.inject(1, 3, "DCGM_FI_DEV_XID_ERRORS", 79)
    await screen.shows("GpuXidError")
    await screen.press("g", "enter")
    await screen.shows("Last 24 hours", "of all GpuXidError")
