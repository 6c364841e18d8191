"""What the screen says of alerts, and of the monitoring that tells of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from .clock import START
from .cluster import ALERTS, everything, listing, source
from .desk import Desk, desk
from .monitoring import (
    EVALUATED,
    MORE_ALERTS,
    SILENCES,
    SILENT,
    alert,
    check,
    day,
    load,
    monitored,
    monitoring,
)


def chosen(it: Desk) -> dict[str, tuple[str, ...]]:
    return {selection.kind: selection.targets for selection in it.app.cockpit.view.selections()}


def order_of(it: Desk, *texts: str) -> bool:
    places = [it.text.index(text) for text in texts]
    return places == sorted(places)


# the list


async def test_what_fires_comes_first_then_what_will_then_what_is_kept_quiet() -> None:
    async with desk(messages=monitored()) as it:
        await it.press("4")
        await it.shows("✕ critical", "◔ pending", "↳ inhibited", "~ silenced", "8 firing", "1 pending", "1 silenced")
        assert order_of(
            it, "GpuXidCritical", "SlurmNodeDown", "Watchdog", "NodeDiskFull", "GpuExporterDown", "OstAlmost"
        )


async def test_an_alert_of_both_sources_is_one_row_and_one_that_alertmanager_lacks_says_so() -> None:
    async with desk(messages=monitored()) as it:
        await it.press("4")
        assert it.text.count("GpuXidCritical") == 1
        assert "not in Alertmanager" in it.row("IbLinkDown")
        assert "nobody is told yet" in it.row("NodeDiskFull")


async def test_the_summary_says_who_keeps_it_quiet_and_until_when() -> None:
    async with desk(messages=monitored(), size=(160, 40)) as it:
        await it.press("4")
        assert "until 02-26 04:10 by crashcart:anna" in it.row("OstAlmostFull")
        assert "by SlurmNodeDown" in it.row("GpuExporterDown")


async def test_a_group_folds_into_one_row_and_unfolds() -> None:
    async with desk(messages=monitored()) as it:
        await it.press("4", "j")
        await it.shows("▸ 5× GpuHot", "gpu[001-002,004,009-010]")
        await it.lacks("a GPU of gpu009")
        await it.press("enter")
        await it.shows("▾ 5× GpuHot", "a GPU of gpu009 is above 85 °C")
        await it.press("enter")
        await it.lacks("a GPU of gpu009")


async def test_a_group_s_row_stands_for_all_of_its_alerts() -> None:
    async with desk(messages=monitored()) as it:
        await it.press("4", "j")
        assert chosen(it)["alert"] == ("hot1", "hot2", "hot4", "hot9", "hot10")
        assert chosen(it)["node"] == ("gpu001", "gpu002", "gpu004", "gpu009", "gpu010")
        await it.press("space")
        await it.shows("5 marked")
        await it.press("k", "space")
        await it.lacks("marked")


async def test_a_range_over_a_folded_group_marks_what_is_in_it() -> None:
    async with desk(messages=monitored()) as it:
        await it.press("4", "space", "j", "V")
        await it.shows("7 marked")
        assert "IbLinkDown" not in chosen(it)["alert"]


async def test_grouping_goes_from_name_to_node_to_rack_to_none() -> None:
    async with desk(messages=monitored()) as it:
        await it.press("4")
        await it.shows("by name")
        await it.press("b")
        await it.shows("by node")
        await it.press("b")
        await it.shows("by rack", "2× r02", "4× r01")
        await it.press("b")
        await it.shows("not grouped")
        assert it.text.count("GpuHot") == 5


async def test_the_cursor_stays_on_its_alert_when_the_grouping_changes() -> None:
    async with desk(messages=monitored()) as it:
        await it.press("4", "j", "enter", "j", "j")
        before = chosen(it)
        await it.press("b", "b", "b")
        assert chosen(it) == before


async def test_alerts_can_be_narrowed_by_what_they_are_about() -> None:
    async with desk(messages=monitored()) as it:
        await it.press("4", "slash")
        await it.types("rack=r02 & state=firing")
        await it.press("enter")
        await it.shows("GpuXidCritical", "SlurmNodeDown", "2 of 12 shown")
        await it.lacks("IbLinkDown")


async def test_a_day_is_drawn_and_what_nobody_knows_is_dotted() -> None:
    async with desk(messages=monitored()) as it:
        await it.press("4")
        assert "▂▂▂▂▂▂▂▂▂▂" in it.row("SlurmNodeDown")
        assert "▂▂▂▂▂┄┄┄┄▂" in it.row("OstAlmostFull")
        assert "┄┄┄┄" in it.row("Watchdog")
        assert "┄" not in it.row("NodeDiskFull")


@pytest.mark.parametrize("theme", ["mono", "ansi"])
async def test_states_are_told_apart_without_colours(theme: str) -> None:
    async with desk(messages=monitored(), theme=theme, size=(80, 24)) as it:
        await it.press("4")
        await it.shows("✕ critical", "▲ warning", "◔ pending", "↳ inhibited", "~ silenced")


# the alert's page


async def test_a_page_leads_to_the_silence_and_from_there_to_what_it_keeps_quiet() -> None:
    async with desk(messages=monitored()) as it:
        await it.press("4", "G", "enter")
        await it.shows("Silenced by", "INC-412 new OSTs on Monday", "https://wiki.example.org/ost", "Last 24 hours")
        assert chosen(it) == {"alert": ("s1a",), "silence": ("s1",)}
        await it.press("enter")
        await it.shows('Silence alertname="OstAlmostFull"', "crashcart:anna", "Keeps quiet  1 alert")
        await it.press("enter")
        await it.shows("Alert OstAlmostFull")


async def test_an_inhibited_alert_leads_to_the_one_above_it() -> None:
    async with desk(messages=monitored()) as it:
        await it.press("4", "G", "k", "enter")
        await it.shows("Alert GpuExporterDown", "Inhibited by")
        await it.press("enter")
        await it.shows("Alert SlurmNodeDown")


async def test_an_alert_about_an_xid_says_what_to_do() -> None:
    async with desk(messages=monitored()) as it:
        await it.press("4", "enter")
        await it.shows("Xid 79", "fallen off the bus", "Suggested", "GPU 4  has job 4713 of carol", "gpu007")
        await it.press("j", "enter")
        await it.shows("GPU gpu007 gpu 4")


async def test_a_pending_alert_says_that_nobody_is_told() -> None:
    async with desk(messages=monitored()) as it:
        await it.press("4", "slash")
        await it.types("state=pending")
        await it.press("enter", "enter")
        await it.shows("Alert NodeDiskFull", "◔ pending", "nobody yet")
        assert "alert" not in chosen(it)  # Alertmanager does not have it: there is nothing to silence


async def test_a_runbook_on_this_machine_is_shown_with_nothing_a_terminal_would_obey(tmp_path: Path) -> None:
    page = tmp_path / "ost.md"
    page.write_text("Ask storage.\x1b]0;owned\x07\nThen silence it.")
    quiet = alert("s1a", "OstAlmostFull", "firing", annotations=(("runbook_url", str(page)),))
    messages = [*everything(), *listing("alert", quiet, origin="alertmanager", version=2)]
    async with desk(messages=messages) as it:
        await it.press("4", "enter")
        await it.shows("Ask storage.␛]0;owned␇", "Then silence it.")


async def test_a_runbook_that_is_no_document_is_not_opened() -> None:
    evil = alert("e1", "Evil", "firing", annotations=(("runbook_url", "file:///etc/passwd"),))
    messages = [*everything(), *listing("alert", evil, origin="alertmanager", version=2)]
    async with desk(messages=messages) as it:
        await it.press("4", "enter")
        await it.shows("file:///etc/passwd", "files are shown")
        await it.lacks("root:")


# silences, targets, load


async def test_silences_are_one_key_away_and_stay_below_the_alerts() -> None:
    async with desk(messages=monitored()) as it:
        await it.press("4", "S")
        await it.shows("~ active", "◔ pending", "– expired", 'Hostname=~"gpu0(05|06)"', "RMA HW-2291")
        assert chosen(it) == {"silence": ("s1",)}
        await it.press("G")
        assert chosen(it) == {}
        await it.press("minus")
        await it.shows("GpuXidCritical")


async def test_silences_can_be_typed_and_narrowed() -> None:
    async with desk(messages=monitored()) as it:
        await it.press("colon")
        await it.types("silences")
        await it.press("enter", "slash")
        await it.types("by=crashcart:rkapoor")
        await it.press("enter")
        await it.shows("RMA HW-2291", "1 of 3")


async def test_a_target_that_fails_says_why_and_leads_to_its_node() -> None:
    async with desk(messages=monitored()) as it:
        await it.press("4", "T")
        await it.shows("context deadline exceeded")
        assert "gpu008" in it.row("gpu008:9400").replace("gpu008:9400", "")
        assert chosen(it) == {"node": ("gpu008",)}
        await it.press("enter")
        await it.shows("Target dcgm gpu008:9400", "Silent for", "Machine")
        await it.press("enter")
        await it.shows("Node gpu008")


async def test_what_we_cost_is_summed_as_a_share_of_a_core() -> None:
    async with desk(messages=[*everything(), load()]) as it:
        await it.press("colon")
        await it.types("load")
        await it.press("enter")
        await it.shows("util_percent (slim)", "at least 0.2 %", "19 ms")
        heavy = replace(load().requests[0], server_seconds=3.0)
        await it.hears(replace(load(), requests=(heavy,)))
        await it.shows("20.0 %", "3000 ms")
        await it.lacks("at least")


async def test_every_source_is_listed_with_what_it_says_of_itself() -> None:
    async with desk(messages=[*monitored(), source("prometheus", "down", 240.0, "connection refused")]) as it:
        await it.press("colon")
        await it.types("sources")
        await it.press("enter")
        await it.shows("Alerts are not known", "a100/alertmanager", "dead-man alert: Watchdog fires", "✕ down")
        await it.shows("connection refused", "(as it was last seen)", "gpu008")


# the monitoring itself


async def test_a_dead_man_that_is_missing_is_a_banner_and_counts_become_unknown() -> None:
    async with desk(messages=monitored()) as it:
        await it.press("4")
        await it.shows("4 Alerts 8")
        await it.lacks("MONITORING")
        await it.hears(*listing("check", *SILENT, origin="alertmanager", version=2))
        await it.shows("MONITORING  dead-man alert missing since 06:09:20 (4m)", "(+1 more)")
        await it.shows("4 Alerts ?", "? firing", "listed: 8 firing")
        await it.press("1")
        await it.shows("? alerts", "dead-man alert")


async def test_a_silent_prometheus_is_named_with_the_time_of_its_last_word() -> None:
    silent = check("alert delivery", "critical", "no alert was refreshed", age=240.0)
    async with desk(messages=[*monitored(), *listing("check", silent, origin="alertmanager", version=2)]) as it:
        await it.shows("Prometheus silent since 06:09:20 (4m)")
        await it.waits(60)
        await it.shows("Prometheus silent since 06:09:20 (5m)", "more)")


@pytest.mark.parametrize("name", ["alertmanager", "prometheus"])
async def test_a_dead_source_of_alerts_is_a_banner_and_the_rows_stay(name: str) -> None:
    async with desk(messages=monitored()) as it:
        await it.press("4")
        await it.hears(source(name, "down", 240.0, "connection refused"))
        await it.shows(
            f"MONITORING  {name} DOWN since 06:09:20 (4m): connection refused", "4 Alerts ?", "GpuXidCritical"
        )


async def test_alerts_that_go_on_in_prometheus_are_shown_live_while_alertmanager_is_dead() -> None:
    async with desk(messages=monitored()) as it:
        await it.press("4", "enter")
        await it.shows("from alertmanager, live")
        await it.press("escape")
        await it.hears(source("alertmanager", "down", 240.0, "connection refused"))
        await it.press("g", "enter")
        await it.shows("Alert GpuXidCritical", "from prometheus, live")


async def test_a_board_without_alerts_is_green_only_while_all_is_whole() -> None:
    quiet = [*everything(), *listing("alert", origin="alertmanager", version=2), source("prometheus")]
    async with desk(messages=[*quiet, *listing("alert", origin="prometheus")]) as it:
        await it.press("4")
        await it.shows("✓ No alerts.", "4 Alerts 0")
        await it.hears(source("alertmanager", "down", 240.0, "connection refused"))
        await it.shows("Whether there are alerts is not known", "connection refused", "4 Alerts ?")
        await it.lacks("No alerts.", "There are no")


async def test_a_cluster_without_monitoring_says_what_to_configure_and_loads_nothing() -> None:
    async with desk(messages=[source(), *listing("job")]) as it:
        await it.press("4")
        await it.shows("No source lists alerts.", "[cluster.NAME.alertmanager]")
        await it.lacks("Loading", "Alerts …", "Alerts 0")


async def test_an_empty_list_of_a_dead_source_is_not_called_complete() -> None:
    quiet = [*listing("target", origin="prometheus"), source("prometheus", "down", 240.0, "connection refused")]
    async with desk(messages=[*everything(), *quiet]) as it:
        await it.press("4", "T")
        await it.shows("No failing targets were listed when last heard.", "prometheus DOWN", "connection refused")
        await it.hears(source("prometheus"))
        await it.shows("There are no failing targets.", "complete and empty")


async def test_a_collector_that_died_leaves_no_count() -> None:
    async with desk(messages=monitored()) as it:
        await it.press("4")
        await it.hears(None)
        await it.shows("COLLECTOR LOST", "4 Alerts ?", "? firing")


async def test_counts_come_back_with_the_source() -> None:
    async with desk(messages=monitored()) as it:
        await it.hears(source("alertmanager", "down", 240.0, "connection refused"))
        await it.shows("4 Alerts ?")
        await it.hears(source("alertmanager"))
        await it.shows("4 Alerts 8")
        await it.lacks("MONITORING")


async def test_a_silence_that_ends_lets_its_alert_through() -> None:
    async with desk(messages=monitored()) as it:
        await it.press("4")
        awake = [replace(one, state="firing", silenced_by=()) for one in MORE_ALERTS if one.fingerprint == "s1a"]
        others = [one for one in (*ALERTS[:2], *MORE_ALERTS) if one.fingerprint != "s1a"]
        ended = replace(SILENCES[0], state="expired", ends=START)
        await it.hears(
            *listing("alert", *others, *awake, origin="alertmanager", version=3),
            *listing("silence", ended, *SILENCES[1:], origin="alertmanager", version=2),
        )
        await it.shows("9 firing")
        await it.lacks("~ silenced")


async def test_a_storm_of_one_alert_is_one_line_of_what_needs_attention() -> None:
    async with desk(messages=monitored()) as it:
        await it.shows("GpuHot", "×5", "gpu[001-002,004,009-010]")
        assert it.text.count("GpuHot") == 1


def test_what_these_tests_show_has_one_of_every_state() -> None:
    states = {one.state for one in (*ALERTS, *MORE_ALERTS, *EVALUATED)}
    assert states == {"firing", "pending", "inhibited", "silenced"}
    assert any(True for _ in monitoring())
    assert day().points == 49
