"""Every cell of the terminal, character, colours and attributes, is as Textual by itself would have painted it.

Two terminals get the same updates of the same running cockpit: one through the painter, one as Textual writes them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from textual import events

from crashcart.backends import wire
from crashcart.ops.protocol import TargetResult

from . import cluster
from .painted import PaintedDesk, painted_desk

SIZES = ((80, 24), (200, 50))
WIDE_NAMES = ("訓練-大規模モデル", "🚀 launch 🚀", "cafe\u0301-re\u0301sume\u0301", "ﾊﾝｶｸ ｶﾅ", "학습", "plain", "🧪")


def many_jobs(count: int = 300) -> list[wire.Message]:
    """A cluster whose job list is longer than any screen, with names of every width."""
    jobs = [
        cluster.job(5000 + number, name=f"{WIDE_NAMES[number % len(WIDE_NAMES)]}", user=("alice", "ボブ")[number % 2])
        for number in range(count)
    ]
    return [*cluster.everything(), *cluster.listing("job", *cluster.JOBS, *jobs, version=2)]


@asynccontextmanager
async def busy_desk(size: tuple[int, int], *, repeats: bool = True) -> AsyncIterator[PaintedDesk]:
    """A desk with long lists."""
    async with painted_desk(size, messages=many_jobs(), repeats=repeats) as it:
        yield it


@pytest.mark.parametrize("size", SIZES)
async def test_the_cursor_moves_through_every_list(size: tuple[int, int]) -> None:
    async with busy_desk(size) as it:
        for view in ("2", "3", "4", "5", "8"):
            await it.does(view, "j", "space", "ctrl+d", "o", "G", "g")


@pytest.mark.parametrize("size", SIZES)
async def test_the_cursor_moves_through_the_heatmap(size: tuple[int, int]) -> None:
    async with painted_desk(size) as it:
        await it.does("l", "l", "j", "h", "k", "m", "m", "M", "z", "l", "z", "b", "b", "b", "n", "n")


async def test_a_list_of_wide_names_is_scrolled_filtered_and_looked_into() -> None:
    async with busy_desk((80, 24), repeats=False) as it:
        await it.does("3", "pagedown", "k", *["j"] * 4, "ctrl+d", "ctrl+d", "pageup", "enter", "j", "escape", "slash")
        await it.does(*"name=学", "backspace", *"plain", "enter", "j", "escape")


async def test_popups_open_and_close_over_a_list() -> None:
    async with busy_desk((120, 40)) as it:
        await it.does("2", "x", "down", "escape", "question_mark", "j", "space", "escape", "q", "escape")
        await it.does("colon", *"theme", "tab", "escape", "ctrl+c", "escape", "ctrl+p")
        await it.does("d", "r", "escape")


async def test_an_action_is_asked_confirmed_and_watched() -> None:
    async with painted_desk((100, 30)) as it:
        await it.does("2", "slash", *"name=gpu004", "enter", "x", "d")
        await it.shows("Reason")
        await it.does("x", "i", "d", "enter")
        await it.shows("Type the node's name")
        it.clock.advance(1)
        await it.does("down", "up", *"gpu004", "enter")
        await it.shows("running")
        await it.same()
        it.executor.report("gpu004", "VERIFYING", "reading back")
        await it.shows("verifying")
        await it.same()
        it.executor.end("VERIFIED", TargetResult("gpu004", "VERIFIED", "", "drained"))
        await it.shows("verified")
        await it.same()
        await it.does("escape")


async def test_banners_come_and_go_and_a_frozen_picture_stands_still() -> None:
    async with busy_desk((120, 30)) as it:
        await it.does("P", "3", "j", "P", "1")
        await it.hears(cluster.source("slurm", "down", 900.0, "no answer"))
        await it.same()
        await it.waits(60)
        await it.same()
        await it.hears(None)
        await it.same()
        await it.hears(cluster.source("slurm"))
        await it.same()


async def test_the_picture_changes_under_the_cursor() -> None:
    async with busy_desk((120, 30)) as it:
        await it.does("2", "j", "j")
        for round_ in range(3):
            nodes = [cluster.node(n, load=n * 3.0 + round_, gpus_used=(n + round_) % 9) for n in range(1, 13)]
            await it.hears(*cluster.listing("node", *nodes, version=10 + round_))
            await it.waits(1)
            await it.same()
        await it.hears(*cluster.listing("job", *cluster.JOBS[:2], version=20))
        await it.does("3", "j")


@pytest.mark.parametrize("view", ["1", "3"])
async def test_the_window_is_dragged(view: str) -> None:
    async with busy_desk((120, 40)) as it:
        await it.does(view)
        for columns, rows in ((80, 24), (81, 24), (200, 50), (200, 49), (40, 10), (12, 4), (120, 40)):
            await it.resize(columns, rows)
            await it.does("j", "k")
        await it.does("question_mark")
        await it.resize(90, 30)
        await it.does("escape")


async def test_a_window_dragged_there_and_back_is_painted_whole() -> None:
    async with painted_desk((120, 40)) as it:
        for terminal in (it.ours, it.control):
            terminal.spoil("#")
        await it.resize(120, 40)
        it.app.action_repaint()
        await it.same()


async def test_the_terminal_is_lent_to_a_shell_and_comes_back() -> None:
    async with busy_desk((120, 40)) as it:
        await it.does("3", "j")
        with it.app.batch_update(), it.app.suspend():
            for terminal in (it.ours, it.control):
                terminal.spoil("$")
            before = it.ours.size
            await it.waits(5)
            assert it.ours.size == before, "nothing is painted over the shell"
        await it.same()
        await it.does("j", "1", "l")


async def test_a_terminal_that_was_taken_over_anew_is_painted_whole_with_the_next_update() -> None:
    async with painted_desk((120, 40)) as it:
        for terminal in (it.ours, it.control):
            terminal.spoil("$")
        assert it.app._gauge is not None
        it.app._gauge.tenure += 1
        it.app.screen.refresh(layout=True)
        await it.same()


async def test_a_garbled_terminal_is_repaired_by_the_repaint_key() -> None:
    async with painted_desk((120, 40)) as it:
        await it.does("2", "j")
        for terminal in (it.ours, it.control):
            terminal.spoil("%")
        await it.does("ctrl+l")
        assert "%%%" not in it.ours.text


async def test_a_garbled_terminal_is_repaired_when_it_is_looked_at_again() -> None:
    async with painted_desk((120, 40)) as it:
        await it.does("2", "j")
        it.ours.spoil("%")
        it.app.post_message(events.AppFocus())
        await it.pilot.pause()
        it.app._look_at_terminal()
        await it.same()


async def test_every_theme_is_worn() -> None:
    async with busy_desk((120, 40)) as it:
        await it.does("3", "j")
        for theme in ("day", "high-contrast", "colour-blind", "ansi", "mono", "night"):
            it.app.action_theme(theme)
            await it.same()
            await it.does("1", "x", "escape", "3")


@pytest.mark.parametrize("theme", ["ansi", "mono"])
async def test_blanks_are_erased_on_the_background_of_the_terminal(theme: str) -> None:
    async with painted_desk((120, 40), messages=many_jobs(), theme=theme, repeats=False) as it:
        await it.does("3", "j", "G", "g", "x", "escape", "1", "l", "2", "question_mark", "escape")
        await it.resize(80, 24)


async def test_what_is_told_lies_over_the_rest_and_goes() -> None:
    async with busy_desk((100, 30)) as it:
        await it.does("3", "c")
        it.app.tell("A toast of 訓練 and 🚀 that is long enough to be broken into several lines of text", is_bad=True)
        await it.shows("A toast")
        await it.same()
        it.app.clear_notifications()
        await it.same()


async def test_much_less_is_written_than_textual_writes() -> None:
    async with busy_desk((200, 50)) as it:
        await it.does("3", "j")
        ours, control = it.ours.size, it.control.size
        await it.does(*["j"] * 10)
        keys_ours, keys_control = (it.ours.size - ours) / 10, (it.control.size - control) / 10
        assert keys_ours < keys_control / 2, (keys_ours, keys_control)


async def test_a_slow_link_is_switched_to_and_back_by_command() -> None:
    async with busy_desk((100, 30)) as it:
        await it.does("3", "j")
        it.app.action_slow_link()
        await it.shows("Painting for a slow link")
        assert (it.app.theme, it.app.meter.is_slow_link) == ("ansi", True)
        await it.does("j", "ctrl+d", "1", "x", "escape")
        await it.resize(80, 24)
        await it.does("colon", *"slow-link", "enter")
        await it.shows("Painting for a fast link")
        assert (it.app.theme, it.app.meter.is_slow_link) == ("night", False)


async def test_a_slow_link_is_offered_once_and_not_taken() -> None:
    async with painted_desk((100, 30)) as it:
        it.app._pace.round_trip = 2.5
        for _ in range(10):
            it.app._look_at_terminal()
        await it.shows("This terminal takes more than", ":slow-link paints less")
        await it.same()
        assert not it.app.meter.is_slow_link
        assert len(it.app._notifications) == 1


async def test_a_terminal_that_was_late_once_is_offered_nothing() -> None:
    async with painted_desk((100, 30)) as it:
        for round_trip in (2.5, 2.5, 0.1, 2.5, 0.1):
            it.app._pace.round_trip = round_trip
            it.app._look_at_terminal()
        await it.lacks("This terminal takes more")


async def test_the_load_page_says_what_is_written_to_this_terminal() -> None:
    async with painted_desk((100, 30)) as it:
        for second, total in ((100.0, 0), (104.0, 6_000)):
            it.app.meter.note(second, total)
        it.app.meter.round_trip = 0.25
        await it.does("colon", *"load", "enter")
        await it.shows("This terminal", "1.5K/s   answers in 250 ms", "fast link")


async def test_without_the_painter_textual_paints() -> None:
    async with painted_desk((80, 24)) as it:
        it.app.is_diffed = False
        it.app.action_repaint()
        ours, control = it.ours.size, it.control.size
        await it.does("2", "j", "j", "x", "escape")
        assert it.ours.size - ours >= it.control.size - control
