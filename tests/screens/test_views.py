"""What the views show, and that they keep their place while the picture changes."""

from __future__ import annotations

from msgspec.structs import replace

from .cluster import ALERTS, JOBS, everything, listing, node, source
from .desk import desk, make_app


async def test_the_first_frame_says_loading_and_waits_for_nothing() -> None:
    async with desk(messages=()) as it:
        await it.shows("Loading GPUs")
        await it.press("2")
        await it.shows("Loading nodes")


async def test_an_empty_listing_is_not_called_loading() -> None:
    async with desk(messages=[source(), *listing("job")]) as it:
        await it.press("3")
        await it.shows("There are no jobs.")
        await it.lacks("Loading")


async def test_a_source_that_never_answered_says_why() -> None:
    broken = source("slurm", "down", -1, "slurmctld on login1 refused us (munge: bad credential)")
    async with desk(messages=[broken]) as it:
        await it.press("2")
        await it.shows("slurm has never answered", "munge: bad credential")


async def test_nodes_out_of_service_come_first_with_their_reasons() -> None:
    async with desk() as it:
        await it.press("2")
        await it.shows("gpu008", "✕ down", "Not responding", "▼ drained", "NHC: check_hw_ib", "▽ draining")
        assert it.text.index("gpu008") < it.text.index("gpu001")


async def test_a_view_says_when_nothing_matches_and_how_to_get_out() -> None:
    async with desk() as it:
        await it.press("2", "slash")
        await it.types("state=maint")
        await it.press("enter")
        await it.shows("No nodes match", "state=maint", "0 of 12")
        await it.press("escape")
        await it.shows("gpu001")


async def test_a_filter_narrows_while_it_is_typed_and_escape_takes_it_back() -> None:
    async with desk() as it:
        await it.press("3", "slash")
        await it.types("user=bob")
        await it.shows("2 of 6", "vit-giant")
        await it.lacks("moe-8x22b")
        await it.press("escape")
        await it.shows("moe-8x22b")


async def test_a_wrong_filter_says_where_and_keeps_the_list() -> None:
    async with desk() as it:
        await it.press("3", "slash")
        await it.types("usr=bob")
        await it.press("enter")
        await it.shows("✕", "usr", "moe-8x22b")


async def test_no_letter_is_a_command_while_something_is_typed() -> None:
    async with desk() as it:
        await it.press("2", "slash")
        await it.types("xsqP0123")
        await it.shows("/ xsqP0123")
        await it.lacks("choose by its key", "FROZEN", "Quit", "Heatmap  96")


async def test_the_cursor_stays_on_its_node_when_rows_come_and_go() -> None:
    async with desk() as it:
        await it.press("2", "G")
        last = it.app.cockpit.view.selections()[0].targets
        fewer = [node(number) for number in range(2, 13)]
        await it.hears(*listing("node", *fewer, version=2))
        assert it.app.cockpit.view.selections()[0].targets == last
        await it.shows("11/11")


async def test_a_refresh_does_not_move_the_viewport() -> None:
    many = [node(number) for number in range(1, 61)]
    async with desk(messages=[*everything(), *listing("node", *many, version=2)], size=(100, 20)) as it:
        await it.press("2", "ctrl+d", "ctrl+d")
        before = [line.split()[0] for line in it.lines[5:15]]
        changed = [replace(entity, load=1.0) for entity in many]
        await it.hears(*listing("node", *changed, version=3))
        assert [line.split()[0] for line in it.lines[5:15]] == before


async def test_marks_belong_to_keys_and_go_with_them() -> None:
    async with desk() as it:
        await it.press("2", "space", "space", "space")
        await it.shows("3 marked")
        await it.hears(*listing("node", *(node(number) for number in (1, 2, 3, 4, 8)), version=2))
        await it.shows("1 marked")
        await it.press("u")
        await it.lacks("marked")


async def test_a_range_is_marked_from_the_last_mark_to_the_cursor() -> None:
    async with desk() as it:
        await it.press("2", "g", "space", "j", "j", "j", "V")
        await it.shows("5 marked")


async def test_sorting_goes_from_column_to_column_and_turns_round() -> None:
    async with desk() as it:
        await it.press("3")
        await it.shows("STATE ▲")
        await it.press("o")
        await it.shows("NAME ▲")
        await it.press("O")
        await it.shows("NAME ▼")


async def test_details_lead_from_job_to_node_to_gpu_and_back() -> None:
    async with desk() as it:
        await it.press("3", "slash")
        await it.types("moe")
        await it.press("enter", "enter")
        await it.shows("Job 4713", "carol", "Requeueable", "60.0 GPU-hours would be lost", "gpu006", "GpuXidCritical")
        await it.press("j", "enter")
        await it.shows("Node gpu006", "RMA HW-2291", "rkapoor", "GPUs")
        await it.press("enter")
        await it.shows("GPU gpu006 gpu 0", "Readings")
        await it.press("escape")
        await it.shows("Node gpu006")
        await it.press("left_square_bracket")
        await it.shows("Job 4713")
        await it.press("right_square_bracket")
        await it.shows("Node gpu006")
        await it.press("escape", "escape", "escape", "escape")
        await it.shows("NAME", "moe-8x22b")


async def test_the_last_view_is_one_key_away() -> None:
    async with desk() as it:
        await it.press("2", "4", "minus")
        await it.shows("REASON")
        await it.press("minus")
        await it.shows("SEVERITY")


async def test_a_held_job_says_who_held_it() -> None:
    async with desk() as it:
        await it.press("3", "slash")
        await it.types("sweep")
        await it.press("enter", "enter")
        await it.shows("◇ held", "JobHeldUser", "held by its owner")


async def test_a_thing_that_is_gone_keeps_its_last_page_and_says_so() -> None:
    async with desk() as it:
        await it.press("3", "G", "enter")
        await it.shows("Job")
        await it.hears(*listing("job", JOBS[0], version=2))
        await it.shows("gone: this is how it was last seen")


async def test_queues_show_room_and_why_jobs_wait() -> None:
    async with desk() as it:
        await it.press("5")
        await it.shows("train default", "━", "Resources 1", "▼ 2 drained", "✕ down")
        await it.press("G", "enter")
        await it.shows("Queue train", "Nodes by state", "Largest running jobs", "moe-8x22b")


async def test_alerts_are_sorted_by_severity_and_lead_to_their_node() -> None:
    async with desk() as it:
        await it.press("4")
        await it.shows("GpuXidCritical", "gpu007", "silenced")
        await it.press("enter")
        await it.shows("Alert GpuXidCritical", "fallen off the bus", "Labels", "Hostname", "moe-8x22b")


async def test_a_picture_of_a_late_source_is_dimmed_and_says_its_age() -> None:
    async with desk() as it:
        await it.press("2")
        await it.waits(60)
        await it.shows("a100/alertmanager LATE", "picture is 1m old", "(+2 more)")
        row = next(
            strip for strip in it.app.screen._compositor.render_strips() if "gpu001" in "".join(s.text for s in strip)
        )
        stale = it.app.look.palette.on("background", "stale").color
        assert all(segment.style and segment.style.color == stale for segment in row if segment.text.strip(" ┃▌"))


async def test_a_lost_collector_is_a_banner_and_not_a_quiet_cluster() -> None:
    async with desk() as it:
        await it.hears(None)
        await it.shows("COLLECTOR LOST")


async def test_a_frozen_picture_keeps_still_while_ages_go_on() -> None:
    async with desk() as it:
        await it.press("3", "P")
        await it.shows("FROZEN")
        await it.hears(*listing("job", JOBS[0], version=2))
        await it.waits(30)
        await it.shows("moe-8x22b", "30s")
        await it.press("P")
        await it.goes("moe-8x22b", "FROZEN")


async def test_help_lists_the_keys_of_the_view_in_front() -> None:
    async with desk(size=(120, 60)) as it:
        await it.press("2", "question_mark")
        await it.shows("Keys of this view", "Mark range", "Act")
        await it.press("q", "1", "question_mark")
        await it.shows("Keys of this view", "Next metric")
        await it.lacks("Mark range")


async def test_quitting_is_asked_and_any_other_key_stays() -> None:
    async with desk() as it:
        await it.press("q")
        await it.shows("Quit Crashcart?")
        await it.press("n")
        await it.lacks("Quit Crashcart?")
        await it.press("q", "y")
        assert it.app._exit


async def test_no_chord_quits_without_asking() -> None:
    async with desk() as it:
        await it.press("ctrl+q")
        assert not it.app._exit
        await it.press("ctrl+c")
        await it.shows("Quit Crashcart?")
        assert not it.app._exit


async def test_a_job_that_hangs_is_reached_from_its_alert() -> None:
    hang = replace(ALERTS[0], name="NcclHang", labels=(("job", "4713"),))
    async with desk(messages=[*everything(), *listing("alert", hang, origin="alertmanager", version=2)]) as it:
        await it.press("4")
        await it.shows("job 4713")
        await it.press("x")
        await it.shows("Job 4713", "Requeue")
        await it.press("escape", "enter", "enter")
        await it.shows("Job 4713", "carol")


async def test_the_palette_offers_our_commands_and_themes() -> None:
    async with desk() as it:
        await it.press("ctrl+p")
        await it.shows("Heatmap", "Freeze")
        await it.types("theme day")
        await it.press("enter")
        assert it.app.look.palette.name == "day"


async def test_a_users_keymap_moves_keys() -> None:
    app, collector, _ = make_app()
    app._user_keys = {"go.jobs": "J"}
    async with app.run_test(size=(100, 30)) as pilot:
        await collector.applied.wait()
        await pilot.press("J")
        await pilot.pause()
        assert app.cockpit.view.filter_kind == "job"


async def test_escape_never_quits() -> None:
    async with desk() as it:
        await it.press(*["escape"] * 5)
        assert not it.app._exit
        await it.shows("Heatmap")


async def test_a_name_is_copied_and_said() -> None:
    async with desk() as it:
        await it.press("2", "c")
        await it.shows("Copied gpu008")
        assert it.app.clipboard == "gpu008"


async def test_themes_change_by_command_and_unknown_ones_are_named() -> None:
    async with desk() as it:
        await it.press("colon")
        await it.types("theme day")
        await it.press("enter")
        assert it.app.look.palette.name == "day"
        await it.press("colon")
        await it.types("theme none")
        await it.press("enter")
        await it.shows("Themes:", "colour-blind")


async def test_everything_fits_a_small_terminal() -> None:
    async with desk(size=(80, 24)) as it:
        for key in ("1", "2", "3", "4", "5", "8"):
            await it.press(key)
            assert all(len(line) == 80 for line in it.lines)
            await it.shows("crashcart", "slurm ●")
