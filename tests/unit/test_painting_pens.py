"""Pens: the same look in the same words, and the shortest way from one to the other."""

from __future__ import annotations

import pytest
from rich.color import ColorSystem
from rich.style import Style

from crashcart.tui.painting.cells import cells_of, is_doubtful, units_of
from crashcart.tui.painting.pens import GROUNDS, PLAIN, RESET, change, for_blanks, pen_of

from .painting_updates import strip


def pen(style: str) -> str:
    return pen_of(Style.parse(style), ColorSystem.TRUECOLOR)


def test_what_the_terminal_chooses_needs_no_words() -> None:
    assert pen("default on default") == pen("") == pen_of(None, ColorSystem.TRUECOLOR) == PLAIN


def test_one_look_is_one_pen_however_it_was_put_together() -> None:
    assert Style.parse("bold red") is not (Style.parse("red") + Style.parse("bold"))
    assert pen("bold red on blue") == pen_of(
        Style.parse("red") + Style.parse("on blue") + Style.parse("bold"), ColorSystem.TRUECOLOR
    )


@pytest.mark.parametrize(
    ("held", "wanted", "written"),
    [
        ("", "red", "\x1b[31m"),
        ("red", "", RESET),
        ("red", "green", "\x1b[32m"),
        ("red on blue", "red", "\x1b[49m"),
        ("#aabbcc on #102030", "#ddeeff on #102030", "\x1b[38;2;221;238;255m"),
        ("bold #aabbcc on #102030", "#aabbcc on #102030", "\x1b[22m"),
        ("bold dim #aabbcc on #102030", "dim #aabbcc on #102030", "\x1b[22;2m"),
        ("#aabbcc on #102030", "underline #aabbcc on #102030", "\x1b[4m"),
        ("bold italic reverse red", "bold red", "\x1b[23;27m"),
        ("red", "red", ""),
    ],
)
def test_the_shortest_change(held: str, wanted: str, written: str) -> None:
    assert change(pen(held), pen(wanted)) == written


def test_blanks_are_written_with_whatever_pen_shows_their_ground() -> None:
    assert for_blanks(pen("bold red on blue"), pen("green on blue")) == pen("bold red on blue")
    assert for_blanks(pen("bold red on blue"), pen("green on white")) == pen("bold red on white")
    assert for_blanks(pen("underline red on blue"), pen("green on blue")) == pen("green on blue")
    assert for_blanks(pen("red"), pen("underline red")) == pen("underline red")


def test_the_ground_of_a_pen_is_what_is_seen_of_a_blank() -> None:
    assert GROUNDS[pen("bold red on blue")] == GROUNDS[pen("dim on blue")]
    assert GROUNDS[pen("reverse red")] != GROUNDS[pen("reverse green")]
    assert GROUNDS[pen("red")] == ""


def test_a_strip_is_as_many_cells_as_it_is_wide() -> None:
    chars, pens = cells_of(strip(("a字", "red"), ("e\u0301\u0302!", "")), ColorSystem.TRUECOLOR)
    assert chars == ["a", "字", "", "e\u0301\u0302", "!"]
    assert pens == ["31", "31", "31", "", ""]


def test_what_takes_no_cell_and_has_none_before_it_is_left_out() -> None:
    assert units_of("\u0301ab") == ("a", "b")


def test_joined_characters_are_one_unit_of_doubtful_width() -> None:
    (family, *rest) = units_of("👩\u200d👧")
    assert family == "👩\u200d👧"
    assert rest == [""]
    assert is_doubtful(family)
    assert is_doubtful("e\u0301")
    assert not is_doubtful("字")
    assert not is_doubtful("●")
