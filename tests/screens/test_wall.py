"""A wall cannot lie: what is dead looks dead, each death in its own way, on every page and in every colour."""

from __future__ import annotations

import pytest

from crashcart.tui.wall.options import PAGES

from .clock import START
from .cluster import JOBS, listing, node, source
from .monitoring import alert, monitored
from .wall_desk import Wall, wall
from .wall_pictures import PIPELINE_DEAD, SLURM_GONE, WELL, alerts, critical, healthy, sources, telemetry

SIZES = [(60, 17), (100, 28), (160, 45), (400, 110)]
WARNING = alert("h1", "GpuHot", "firing", since=START - 60, labels=(("Hostname", "gpu001"),))


async def refresh_for(place: Wall, seconds: float, *names: str) -> None:
    """Time passes; sources of these names go on answering."""
    place.clock.advance(seconds)
    fresh = [one for one in sources(place.clock.passed) if getattr(one, "name", "") in names]
    await place.hears(*fresh)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("page", PAGES)
async def test_every_page_says_what_it_is_at_every_size(page: str, size: tuple[int, int]) -> None:
    async with wall(monitored(), size=size, pages=(page,)) as place:
        place.shows(page.upper(), "06:13:20", "CRITICAL", "8 unclaimed")
        assert all(len(line) == size[0] for line in place.text.split("\n"))


async def test_the_clock_and_the_hand_move_every_second() -> None:
    async with wall(healthy()) as place:
        before = place.text.split("\n")[0]
        await place.waits(1)
        place.shows("06:13:21 UTC")
        assert before.index("●") != place.text.split("\n")[0].index("●")


async def test_no_alerts_are_good_news_while_all_sources_are_fresh() -> None:
    async with wall(healthy()) as place:
        place.shows("✓ OK", "0 unclaimed", "✓ CRITICAL", "✓ nothing asks for attention")


async def test_a_dead_alert_pipeline_is_a_banner_and_no_zero() -> None:
    async with wall([*healthy(), *PIPELINE_DEAD]) as place:
        place.shows("✕ ALERTS UNKNOWN: dead-man alert missing", "? unclaimed", "? CRITICAL")
        place.lacks("0 unclaimed", "✓ OK", "░ STALE", "nothing asks for attention")


async def test_a_cluster_without_any_source_of_alerts_is_not_green() -> None:
    only = [one for one in healthy() if getattr(one, "source", "slurm") in ("slurm", "dcgm")]
    only = [one for one in only if getattr(one, "name", "") not in ("prometheus", "alertmanager")]
    async with wall(only) as place:
        place.shows("? ALERTS UNKNOWN: no source of alerts", "? UNKNOWN", "? unclaimed")
        place.lacks("✓ OK")


async def test_a_backend_that_is_gone_leaves_its_last_picture_hatched_with_its_age() -> None:
    async with wall(healthy(), pages=("overview",)) as place:
        await refresh_for(place, 190, "dcgm", "prometheus", "alertmanager")
        await place.hears(*SLURM_GONE)
        place.shows("░ STALE 3m12s  slurm: connection refused", "░ NODES DOWN", "STALE 3m12s", "▒", "slurm ✕ 3m12s")
        place.shows("✓ CRITICAL", "0 unclaimed")
        place.lacks("✓ OK", "DATA OLD", "ALERTS UNKNOWN")


async def test_what_is_late_is_amber_at_two_intervals_and_a_banner_at_five() -> None:
    others = ("dcgm", "prometheus", "alertmanager")
    async with wall(healthy(), pages=("queues",)) as place:
        await refresh_for(place, 7.9, *others)
        place.lacks("LATE", "STALE")
        await refresh_for(place, 0.2, *others)
        place.shows("LATE 10s", "slurm ◌ 10s", "▲ WARNING")
        place.lacks("STALE")
        await refresh_for(place, 15, *others)
        place.shows("░ STALE 25s  slurm", "░ RUNNING")


@pytest.mark.parametrize("page", PAGES)
async def test_after_a_quarter_of_an_hour_the_whole_page_says_data_old(page: str) -> None:
    async with wall(healthy(), pages=(page,)) as place:
        await place.waits(895)
        place.shows("STALE 14m57s") if page != "alerts" else place.shows("STALE 14m59s")
        body = place.app.view._frame
        assert body is not None
        assert not body.is_old
        await place.waits(5)
        body = place.app.view._frame
        assert body is not None
        assert body.is_old
        place.shows("15m0", "██████")


async def test_a_page_whose_own_sources_are_fresh_is_not_old_but_tells_of_the_others() -> None:
    async with wall(healthy(), pages=("alerts",)) as place:
        await refresh_for(place, 1000, "prometheus", "alertmanager", "dcgm")
        frame = place.app.view._frame
        assert frame is not None
        assert not frame.is_old
        place.shows("░ STALE 16m42s  slurm", "✓ CRITICAL")


async def test_old_samples_show_their_age_in_their_own_cells() -> None:
    async with wall([*healthy(), *telemetry({4: 190.0, 6: 4_000.0})], pages=("heatmap",)) as place:
        place.shows("3333", "hhhh", "■■■■")
        place.lacks("░ STALE", "▒")


async def test_the_four_deaths_look_different() -> None:
    seen: set[str] = set()
    deaths = ((), SLURM_GONE, tuple(telemetry({4: 190.0})), PIPELINE_DEAD, (None,))
    for death in deaths:
        async with wall(healthy(), pages=("heatmap",), size=(100, 28)) as place:
            await place.hears(*death) if death else None
            seen.add("\n".join(place.text.split("\n")[2:]))
    assert len(seen) == len(deaths)


async def test_a_dead_collector_is_told_and_the_picture_stays() -> None:
    async with wall(healthy(), pages=("overview",)) as place:
        await place.hears(None)
        place.shows("✕ COLLECTOR GONE", "? unclaimed", "░ NODES DOWN", "STALE")
        place.lacks("✓")


async def test_a_wall_that_never_heard_anything_says_so_and_grows_old() -> None:
    async with wall(()) as place:
        await place.waits(6)
        place.shows("no source yet", "? UNKNOWN", "NO DATA")
        place.lacks("✓")
        await place.waits(900)
        frame = place.app.view._frame
        assert frame is not None
        assert frame.is_old


async def test_a_clock_put_back_makes_nothing_young() -> None:
    async with wall(healthy(), pages=("overview",)) as place:
        place.clock.advance(60)
        now = place.clock.now
        place.clock.now = lambda: now() - 3600.0  # type: ignore[method-assign]
        await place.draws()
        place.shows("░ STALE 1m00s", "05:14:20")


async def test_pages_go_round_and_a_new_critical_stops_them_until_it_is_silenced() -> None:
    async with wall(healthy(), pages=("jobs", "alerts", "queues"), every_seconds=20.0) as place:
        place.shows("JOBS 1/3")
        for page in ("ALERTS 2/3", "QUEUES 3/3", "JOBS 1/3"):
            await refresh_for(place, 20, "slurm", "dcgm", "prometheus", "alertmanager")
            place.shows(page)
        await place.hears(*alerts(critical()))
        place.shows("ALERTS 2/3", "NEW CRITICAL", "Xid 79 on gpu007")
        for _ in range(3):
            await refresh_for(place, 20, "slurm", "dcgm", "prometheus", "alertmanager")
            place.shows("ALERTS 2/3", "NEW CRITICAL")
        await place.hears(*alerts(critical(state="silenced"), version=3))
        place.lacks("NEW CRITICAL")
        await refresh_for(place, 20, "slurm", "dcgm", "prometheus", "alertmanager")
        place.shows("QUEUES 3/3")


async def test_rotation_hides_no_warning_of_staleness() -> None:
    async with wall(healthy(), every_seconds=20.0) as place:
        await place.hears(*SLURM_GONE)
        for _ in PAGES:
            await refresh_for(place, 20, "dcgm", "prometheus", "alertmanager")
            place.shows("░ STALE", "slurm")


async def test_keys_hold_the_round_and_turn_pages_and_nothing_else_does() -> None:
    async with wall(healthy(), pages=("jobs", "queues")) as place:
        await place.pilot.press("space")
        await refresh_for(place, 60, "slurm", "dcgm", "prometheus", "alertmanager")
        place.shows("JOBS 1/2", "‖ HELD")
        await place.pilot.press("x", "d", "t", "colon", "slash", "enter", "ctrl+p")
        place.shows("JOBS 1/2", "‖ HELD")
        await place.pilot.press("right")
        place.shows("QUEUES 2/2")
        await place.pilot.press("left", "space")
        place.lacks("HELD")
        bound = {key for _, bindings in place.app._bindings for key in [bindings.key]}
        assert bound <= {"q", "ctrl+c", "space", "left", "right", "ctrl+q"}


async def test_only_the_clusters_asked_for_are_shown() -> None:
    async with wall(monitored(), clusters=("elsewhere",)) as place:
        place.shows("no source yet")
        assert not place.app.store.nodes


@pytest.mark.parametrize("page", PAGES)
async def test_masked_names_are_nowhere(page: str) -> None:
    told = node(5, reason="broken by alice, see llama-70b", reason_by="alice")
    messages = [*monitored(), *listing("node", told, *(node(n) for n in (1, 2, 8)), version=3)]
    async with wall(messages, pages=(page,), size=(200, 60), masks=frozenset(("users", "jobs"))) as place:
        place.lacks(*(job.user for job in JOBS), *(job.name for job in JOBS), "rkapoor", "anna")
        held = repr(place.app.store.jobs)
        assert not any(job.user in held or job.name in held for job in JOBS)


async def test_names_are_shown_where_nothing_is_masked() -> None:
    async with wall(monitored(), pages=("jobs",), size=(160, 45)) as place:
        place.shows("alice", "llama-70b")


@pytest.mark.parametrize("theme", ["mono", "ansi"])
async def test_without_colours_every_state_has_its_own_characters(theme: str) -> None:
    messages = {
        "ok": healthy(),
        "warning": healthy(WARNING),
        "critical": healthy(critical()),
        "stale": [*healthy(), *SLURM_GONE],
        "unknown": [*healthy(), *PIPELINE_DEAD],
    }
    tile_of = {"warning": "ALERTS", "stale": "NODES DOWN"}
    worst: dict[str, str] = {}
    tiles: dict[str, str] = {}
    for state, told in messages.items():
        async with wall(told, theme=theme, pages=("overview",)) as place:
            if state == "stale":
                await refresh_for(place, 60, "dcgm", "prometheus", "alertmanager")
            lines = place.text.split("\n")
            worst[state] = next(
                mark for mark in ("✓ OK", "▲ WARNING", "✕ CRITICAL", "░ STALE", "? UNKNOWN") if mark in lines[0]
            )
            label = tile_of.get(state, "CRITICAL")
            row = next(line for line in lines[2:] if label in line)
            tiles[state] = row[row.index(label) - 2]
    assert len(set(worst.values())) == len(worst), worst
    assert len(set(tiles.values())) == len(tiles), tiles


@pytest.mark.parametrize("theme", ["mono", "ansi", "night"])
async def test_cells_of_the_heatmap_differ_without_their_colours(theme: str) -> None:
    nodes = [
        node(1, **WELL), node(2, **{**WELL, "flags": ("DRAIN",), "gpus_used": 0, "gpus_used_indexes": ()}),
        node(3, **{**WELL, "state": "DOWN"}), node(4, **WELL),
        node(5, **{**WELL, "gpus_used": None, "gpus_used_indexes": None}),
    ]  # fmt: skip
    messages = [*healthy(), *listing("node", *nodes, version=2), *telemetry({4: 200.0})]
    async with wall(messages, theme=theme, pages=("heatmap",)) as place:
        body = "".join(place.text.split("\n")[3:])
        place.shows(*(sign * 2 for sign in "■▲✕3?"))
        assert "░" not in body.replace("░ source gone", "")
    async with wall(messages, theme=theme, pages=("heatmap",)) as place:
        await place.hears(source("slurm", "down", 2.0, "refused"))
        place.shows("▒▒")


async def test_the_picture_moves_by_a_cell_now_and_then() -> None:
    async with wall(healthy()) as place:
        corner = place.text.split("\n")[0].index("●") - int(place.clock.now()) % 10
        await place.waits(300)
        assert place.text.split("\n")[0].index("●") - int(place.clock.now()) % 10 == corner + 1
        await place.waits(300)
        assert not place.text.split("\n")[0].strip()


async def test_a_wall_of_a_given_size_keeps_it_on_a_larger_terminal() -> None:
    async with wall(healthy(), size=(120, 40), size_=(60, 17)) as place:
        lines = [line for line in place.text.split("\n") if line.strip()]
        assert len(lines) <= 17
        assert max(len(line.strip()) for line in lines) <= 60
        await place.pilot.resize_terminal(40, 10)
        await place.draws()
        place.shows("06:13:20")
