"""What is typed behind `:`, and the guard between keys and confirmations."""

from __future__ import annotations

import pytest

from crashcart.ops.verbs import BY_NAME
from crashcart.tui.command_line import (
    Act,
    CommandLineError,
    Go,
    SetCluster,
    SetFilter,
    SetTheme,
    Simple,
    Typed,
    parse,
)
from crashcart.tui.places import History, Place
from crashcart.tui.theme_choice import choose_theme
from crashcart.tui.typing_guard import TypingGuard
from tests.screens.clock import ManualClock

DRAIN, CHECKPOINT, SILENCE = (BY_NAME[name] for name in ("drain", "checkpoint", "silence"))


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("", None),
        ("  ", None),
        ("nodes", Go("nodes")),
        (":jobs", Go("jobs")),
        ("filter state=drained & gpus>4", SetFilter("state=drained & gpus>4")),
        ("theme day", SetTheme("day")),
        ("cluster all", SetCluster(None)),
        ("cluster h100", SetCluster("h100")),
        ("q", Simple("quit")),
        ("drain gpu[001-002] xid 79 (4)", Act(DRAIN, ("gpu001", "gpu002"), {"reason": "xid 79 (4)"}, "node")),
        ("drain", Act(BY_NAME["drain"], (), {})),
        ("drain . bad nvlink", Act(BY_NAME["drain"], (), {"reason": "bad nvlink"})),
        ("requeue 42,9_[1-2]", Act(BY_NAME["requeue"], ("42", "9_1", "9_2"), {}, "job")),
        ("checkpoint 4 signal=USR2 layout=hf", Act(CHECKPOINT, ("4",), {"signal": "USR2", "layout": "hf"}, "job")),
        ("diagnose gpu001 xids", Act(BY_NAME["diagnose"], ("gpu001",), {"check": "xids"}, "node")),
        ("silence rack:r12 duration=4h PDU", Act(SILENCE, ("r12",), {"duration": "4h", "reason": "PDU"}, "rack")),
        ("silence GpuXidError", Act(SILENCE, ("GpuXidError",), {})),
    ],
)  # fmt: skip
def test_a_line_becomes_a_command(text: str, command: Typed | None) -> None:
    assert parse(text) == command


@pytest.mark.parametrize("text", ["frobnicate", "drain gpu[1-", "drain $(reboot)", "requeue gpu001", "drain -rf why"])
def test_what_is_no_command_is_refused_with_words(text: str) -> None:
    with pytest.raises(CommandLineError, match=r"\w+"):
        parse(text)


def test_keys_right_after_the_question_were_meant_for_something_else() -> None:
    clock = ManualClock()
    guard = TypingGuard(clock)
    assert guard.is_early()
    clock.advance(0.5)
    assert not guard.is_early()


def test_four_keys_at_once_are_a_burst_and_two_are_a_bad_link() -> None:
    clock = ManualClock()
    guard = TypingGuard(clock)
    clock.advance(1)
    assert [guard.is_burst() for _ in range(4)] == [False, False, False, True]
    clock.advance(0.1)
    assert [guard.is_burst() for _ in range(2)] == [False, False]
    assert not guard.is_alone
    clock.advance(0.1)
    guard.is_burst()
    assert guard.is_alone


def test_history_goes_back_and_forward_and_forgets_what_lay_ahead() -> None:
    history = History()
    for name in ("heatmap", "nodes", "jobs"):
        history.visit(Place(name))
    assert history.move(1) is None
    assert history.move(-1) == Place("nodes")
    history.visit(Place("node", "a100/gpu001"))
    assert history.move(1) is None
    assert history.last() == Place("nodes")
    assert history.last() == Place("node", "a100/gpu001")


@pytest.mark.parametrize(
    ("asked", "environment", "theme"),
    [
        (None, {"TERM": "xterm-256color"}, "night"),
        (None, {"TERM": "xterm-256color", "NO_COLOR": "1"}, "mono"),
        (None, {"TERM": "xterm-256color", "NO_COLOR": ""}, "night"),
        (None, {"TERM": "screen"}, "ansi"),
        (None, {"TERM": "linux"}, "ansi"),
        (None, {"TERM": "screen", "COLORTERM": "truecolor"}, "night"),
        (None, {"TERM": "dumb"}, "mono"),
        ("day", {"TERM": "screen", "NO_COLOR": "1"}, "day"),
    ],
)
def test_the_first_theme_fits_the_terminal(asked: str | None, environment: dict[str, str], theme: str) -> None:
    assert choose_theme(asked, environment) == theme
