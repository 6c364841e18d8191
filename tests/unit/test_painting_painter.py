"""What is written for a change: the cells that differ, in few bytes, and nothing of what is right already."""

from __future__ import annotations

import pytest
from rich.color import ColorSystem
from textual._compositor import LayoutUpdate
from textual.geometry import Offset, Region
from textual.strip import Strip

from tests.cell_terminal import differences

from .painting_updates import Screens, chops, layout

BLUE = "white on #102030"
WIDE = (("ab字cd", BLUE), ("    ", BLUE))


def test_the_same_again_costs_nothing() -> None:
    screens = Screens(10, 2)
    picture = layout([("hello     ", BLUE)], [("world     ", "")])
    screens.show(picture)
    assert screens.show(picture) == ""


def test_a_changed_character_costs_a_move_and_itself() -> None:
    screens = Screens(10, 2)
    screens.show(layout([("hello     ", BLUE)], [("world     ", BLUE)]))
    assert screens.show(layout([("hello     ", BLUE)], [("wordd     ", BLUE)])) == "\x1b[2;4Hd"


def test_near_changes_are_written_through_and_far_ones_stepped_to() -> None:
    screens = Screens(40, 1)
    screens.show(layout([("a" * 40, BLUE)]))
    text = screens.show(layout([("b" + "a" * 3 + "b" + "a" * 20 + "b" + "a" * 14, BLUE)]))
    assert text == "\x1b[1Hbaaab\x1b[20Cb"


def test_only_what_differs_of_a_style_is_said() -> None:
    screens = Screens(10, 1)
    screens.show(layout([("0123456789", "#aaaaaa on #102030")]))
    text = screens.show(layout([("0123", "#aaaaaa on #102030"), ("4567", "bold #bbbbbb on #102030"), ("89", "")]))
    assert text == "\x1b[1;38;2;187;187;187m\x1b[;5H4567\x1b[m89"


def test_blanks_of_one_ground_are_alike_whatever_their_letters_would_be() -> None:
    screens = Screens(10, 1)
    screens.show(layout([("          ", "bold red on #102030")]))
    assert screens.show(layout([("          ", "green on #102030")])) == ""


def test_an_underlined_or_reversed_blank_is_not_like_a_plain_one() -> None:
    screens = Screens(4, 1)
    screens.show(layout([("    ", "red")]))
    assert screens.show(layout([("    ", "underline red")]))
    assert screens.show(layout([("    ", "reverse red")]))
    assert not differences(screens.ours, screens.control)


def test_blanks_on_the_background_of_the_terminal_are_erased_and_others_never() -> None:
    screens = Screens(40, 1)
    assert screens.show(layout([("x" + " " * 39, "red")])).endswith("x\x1b[K")
    screens.show(layout([("x" * 40, "red")]))
    assert "\x1b[20X" in screens.show(layout([("x" * 10 + " " * 20 + "x" * 10, "red")]))
    assert " " * 20 in screens.show(layout([("x" * 10 + " " * 20 + "x" * 10, BLUE)]))


def test_a_terminal_that_can_repeat_is_told_to() -> None:
    screens = Screens(40, 1, repeats=True)
    assert " \x1b[19b" in screens.show(layout([("x" * 10 + " " * 20 + "x" * 10, BLUE)]))
    assert not differences(screens.ours, screens.control)


def test_pens_that_come_back_are_taken_up_once_where_that_is_cheaper() -> None:
    screens = Screens(40, 1)
    red, green = "#ff0000 on #102030", "#00ff00 on #102030"
    text = screens.show(layout([("xxxxx", red), ("ooooo", green)] * 4))
    assert (text.count("255;0;0"), text.count("0;255;0")) == (1, 1)
    assert not differences(screens.ours, screens.control)


@pytest.mark.parametrize(
    "after",
    [
        (("ab国cd", BLUE), ("    ", BLUE)),
        (("abc字d", BLUE), ("    ", BLUE)),
        (("a字bcd", BLUE), ("    ", BLUE)),
        (("abcdef", BLUE), ("    ", BLUE)),
        (("ab字cd", "red"), ("    ", BLUE)),
    ],
)
def test_wide_characters_are_replaced_as_units(after: tuple[tuple[str, str], ...]) -> None:
    screens = Screens(10, 1)
    for picture in (WIDE, after, WIDE, after):
        screens.show(layout(picture))
        assert not differences(screens.ours, screens.control)


def test_a_piece_that_covers_half_of_a_wide_character_leaves_no_half() -> None:
    for x in (1, 2, 3):
        screens = Screens(10, 1)
        screens.show(layout(WIDE))
        screens.show(chops(10, 1, {(x, 0): [("#", BLUE)]}))
        assert not differences(screens.ours, screens.control)


def test_a_character_of_doubtful_width_lies_on_blanks_and_is_followed_by_a_move() -> None:
    screens = Screens(10, 1)
    text = screens.show(layout([("a👩cdefghi", BLUE)]))
    assert "  \x1b[;2H👩\x1b[;4Hc" in text
    assert not differences(screens.ours, screens.control)


def test_a_strip_that_is_wider_than_its_piece_does_not_run_over_its_neighbour() -> None:
    screens = Screens(10, 1)
    screens.show(layout([("0123456789", BLUE)]))
    update = chops(10, 1, {(2, 0): [("xx", BLUE)]})
    update.chops[0][2] = Strip.join([update.chops[0][2], update.chops[0][2]])  # type: ignore[index]
    screens.painter.take(update, ColorSystem.TRUECOLOR)
    screens.ours.feed(screens.painter.paint([0]))
    assert screens.ours.text == "01xx456789"


def test_what_was_forgotten_is_written_again_from_a_reset_on() -> None:
    screens = Screens(10, 2)
    picture = layout([("hello     ", BLUE)], [("world     ", "")])
    screens.show(picture)
    for terminal in (screens.ours, screens.control):
        terminal.spoil("#")
    screens.painter.forget()
    assert screens.show(picture).startswith("\x1b[m")
    assert not differences(screens.ours, screens.control)


def test_another_size_is_painted_whole() -> None:
    screens = Screens(10, 2)
    screens.show(layout([("hello     ", BLUE)], [("world     ", "")]))
    for terminal in (screens.ours, screens.control):
        terminal.resize(12, 1)
    screens.show(layout([("hello       ", BLUE)]))
    assert not differences(screens.ours, screens.control)


def test_a_limit_ends_the_piece_after_a_row_and_the_rest_stays_dirty() -> None:
    screens = Screens(10, 3)
    screens.painter.take(layout(*[[("abcdefghij", BLUE)]] * 3), ColorSystem.TRUECOLOR)
    first = screens.painter.paint([2, 0, 1], limit=5)
    assert first.count("abcdefghij") == 1
    assert list(screens.painter.dirty) == [0, 1]
    assert screens.painter.paint([0, 1]).count("abcdefghij") == 2
    assert not screens.painter.dirty


def test_a_row_that_is_no_longer_there_is_not_painted() -> None:
    screens = Screens(10, 2)
    screens.show(layout([("hello     ", BLUE)], [("world     ", "")]))
    screens.painter.take(layout([("hello     ", BLUE)]), ColorSystem.TRUECOLOR)
    assert "hello" in screens.painter.paint([1, 0])


def test_the_cursor_is_left_where_it_is_wanted() -> None:
    screens = Screens(10, 2)
    screens.show(layout([("hello     ", BLUE)], [("world     ", "")]))
    screens.ours.feed(screens.painter.paint([], cursor=Offset(3, 1)))
    assert (screens.ours.x, screens.ours.y) == (3, 1)
    assert screens.painter.paint([], cursor=Offset(3, 1)) == ""


def test_a_link_is_opened_and_closed() -> None:
    screens = Screens(10, 1)
    screens.show(layout([("see ", ""), ("here", "link https://a.example"), ("  ", "")]))
    assert not differences(screens.ours, screens.control)
    assert not screens.ours.look.link


def test_lines_of_several_strips_are_joined_from_left_to_right() -> None:
    screens = Screens(10, 1)
    update = layout([("hello", BLUE)])
    screens.show(LayoutUpdate([[*update.strips[0], *layout([("world", "")]).strips[0]]], Region(0, 0, 10, 1)))
    assert screens.ours.text == "helloworld"


def window(first: int) -> LayoutUpdate:
    """Twelve lines of a long list, under a header."""
    rows = [[(f"line {number:3} of a list", BLUE if number % 2 else "red")] for number in range(first, first + 12)]
    return layout([("a header of a list", "bold")], *rows)


@pytest.mark.parametrize("step", [1, -1, 3, -3, 6])
def test_rows_that_moved_are_moved_by_the_terminal(step: int) -> None:
    screens = Screens(18, 13)
    screens.show(window(20))
    text = screens.show(window(20 + step))
    assert not differences(screens.ours, screens.control)
    assert text.count("line") == abs(step)


def test_rows_that_moved_far_are_written() -> None:
    screens = Screens(18, 13)
    screens.show(window(20))
    assert "\x1b[r" not in screens.show(window(29))
    assert not differences(screens.ours, screens.control)


def test_nothing_is_moved_while_some_of_the_rows_must_stay_as_they_are() -> None:
    screens = Screens(18, 13)
    screens.show(window(20))
    screens.painter.take(window(21), ColorSystem.TRUECOLOR)
    screens.ours.feed(screens.painter.paint([y for y in screens.painter.dirty if y != 6]))
    assert screens.ours.text.splitlines()[6] == "line  25 of a list"
    screens.show(window(21))
    assert not differences(screens.ours, screens.control)
