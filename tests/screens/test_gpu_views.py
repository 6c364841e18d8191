"""GPUs on the screen: what is missing, stale or odd is said, and what it rests on."""

from __future__ import annotations

import pytest

from crashcart.backends.wire import Message, Source
from crashcart.tui.widgets import heatmap

from .clock import START
from .cluster import CLUSTER, everything, listing, node, source
from .desk import Desk, desk
from .telemetry import history, telemetry


def told() -> list[Message]:
    return [*everything(), *telemetry()]


async def until(it: Desk, key: str, text: str) -> Desk:
    """Press a key until the screen shows something."""
    for _ in range(40):
        if text in it.text:
            return it
        await it.press(key)
    raise AssertionError(f"{key} never came to {text}:\n{it.text}")


async def test_a_gpu_that_is_gone_is_missing_and_a_count_says_so() -> None:
    async with desk(messages=told(), size=(80, 24)) as it:
        await it.shows("∅ 1 missing", "░ 1 exporter down")
        await until(it, "n", "gpu004 gpu 2")
        await it.shows("∅ missing: the host reports 7 of 8 GPUs")


async def test_metrics_that_nobody_exports_are_not_offered() -> None:
    async with desk(messages=[source(), *listing("node", node(1))]) as it:
        await it.press("m", "m")
        await it.shows("Allocation  ■■■ by job")
        await it.hears(*telemetry())
        seen = []
        for _ in range(12):
            await it.press("m")
            seen.append(it.lines[-2].split("  ")[0].strip())
        assert "Tensor cores" in seen and "Row remapping" in seen and "Margin to slowdown" in seen
        assert seen.index("Allocation") == len(set(seen)) - 1, "and then it begins anew"


async def test_a_slow_rank_is_marked_and_compared_with_its_job() -> None:
    async with desk(messages=told(), size=(80, 24)) as it:
        await it.press("m")
        await until(it, "n", "gpu006 gpu 5")
        await it.shows("≠ outlier: 402 W, job's median 65", "hardware slowdown")
        await it.press("slash")
        await it.types("outlier=yes")
        await it.press("enter")
        await it.shows("outlier=yes (others dimmed)")


async def test_the_cells_of_a_host_whose_exporter_fails_are_stale_and_say_why() -> None:
    async with desk(messages=told(), size=(80, 24)) as it:
        await it.press("m", "l", "l", "l", "l", "l", "l", "l", "l")
        await it.shows("gpu002 gpu 0", "░ exporter down 2m: connection refused", "use 97 %")
        assert all(len(line.rstrip()) <= 80 for line in it.lines)


async def test_a_large_map_is_drawn_in_turns_to_its_last_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heatmap, "MANY_NODES", 1)
    monkeypatch.setattr(heatmap, "LINES_A_TURN", 2)
    async with desk(messages=told(), size=(80, 24)) as it:
        await it.press("m", "m", "m")
        await it.shows("Memory  empty", "mem 62G")
        await it.goes("■")
        await it.press("b")
        await it.shows("leaf-01")
        await it.goes("r01")


async def test_groups_go_round_and_the_cursor_stays_on_its_gpu() -> None:
    async with desk(messages=told(), size=(80, 24)) as it:
        await it.press("j", "l", "l", "l")
        here = it.lines[-4].split("  ")[0]
        for grouping, label in (("switch", "leaf-01"), ("partition", "train"), ("job", "4713 carol"), ("rack", "r01")):
            await it.press("b")
            await it.shows(f"by {grouping}", label)
            assert it.lines[-4].split("  ")[0] == here
        await it.press("b", "b", "b")
        await it.shows("no job")


async def test_nobody_counts_what_a_silent_scheduler_said() -> None:
    async with desk(messages=told()) as it:
        await it.shows("60 in use")
        await it.hears(Source(CLUSTER, "slurm", "down", 5.0, START - 300, 0, "connection refused"))
        await it.shows("? in use", "last known:", "✕ 1 down")
        await it.lacks("60 in use")


async def test_a_dead_telemetry_leaves_last_values_and_says_since_when() -> None:
    async with desk(messages=told(), size=(80, 24)) as it:
        await it.press("m")
        await it.hears(Source(CLUSTER, "dcgm", "down", 5.0, START - 200, 0, "connection refused"))
        await it.shows("░ stale: dcgm down 3m", "use 97 %")
        body = "\n".join(it.lines[4:10])
        assert "▇" not in body and "▒" in body


async def test_the_page_of_a_gpu_shows_its_hour_and_decodes_its_xid() -> None:
    async with desk(messages=[*told(), history("gpu007", 4)], size=(100, 50)) as it:
        await until(it, "m", "Last Xid")
        await until(it, "n", "gpu007 gpu 4")
        await it.press("enter")
        await it.shows(
            "known by: scheduler", "▲ last Xid 94 (sticky): Contained memory error", "654W of 700", "1h 402W–654W",
            "1 row remapped, reset pending", "2 uncorrected", "384G/s", "3 replays", "power cap",
            "Xid 94", "warning (NVSentinel), fatal (gpud)", "sources disagree", "restart the application (RESTART_APP)",
            "x q", "Not exported",
        )  # fmt: skip
        assert "·" in it.row("Power"), "the gap of the past hour is a gap"


async def test_an_owner_that_only_a_label_tells_is_shown_as_that() -> None:
    more = listing("node", node(3, gpus_used_indexes=None, gpus_used=None), version=2)
    async with desk(messages=[*told(), *listing("job", version=2), *more]) as it:
        await it.press("2", "slash")
        await it.types("gpu003")
        await it.press("enter", "enter")
        await it.shows("pod ml/serve-0")


async def test_the_page_of_a_node_tells_about_the_machine_and_what_nobody_measures() -> None:
    async with desk(messages=[*told(), history("gpu006", 5)], size=(120, 60)) as it:
        await it.press("2", "slash")
        await it.types("gpu006")
        await it.press("enter", "enter")
        await it.shows(
            "Machine  from dcgm", "CPU", "41%", "3% free", "1 down", "Not measured", "OOM kills", "USE IN 1h"
        )
        await it.shows("gpu 5 ≠ outlier: 402 W, job's median 65")


async def test_a_machine_that_nobody_measures_is_said_to_be_so() -> None:
    async with desk(messages=told(), size=(100, 60)) as it:
        await it.press("2", "enter")
        await it.shows("not measured: no source tells about the machine itself")


async def test_the_page_of_a_job_names_its_odd_ranks_and_leads_to_them() -> None:
    async with desk(messages=told()) as it:
        await it.press("3", "slash")
        await it.types("4713")
        await it.press("enter", "enter")
        await it.shows("medians of 24, from dcgm", "gpu006 gpu 5", "≠ outlier: 402 W", "gpu004", "∅ 1 missing")


async def test_pages_tell_which_machines_they_show() -> None:
    async with desk(messages=told()) as it:
        await it.press("3", "slash")
        await it.types("4713")
        await it.press("enter", "enter")
        assert [host for _, host in it.app.cockpit._details.watched] == ["gpu004", "gpu006", "gpu007"]
        await it.press("enter")
        assert list(it.app.cockpit._details.watched) == [(CLUSTER, "gpu004")]
