"""Whatever segments a screen is made of, and in whatever order it changes, the terminal shows what Textual paints."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.color import ColorSystem
from textual._compositor import ChopsUpdate, LayoutUpdate

from tests.cell_terminal import differences

from .painting_updates import CONSOLE, Part, Screens, chops, layout

WIDTH, HEIGHT = 24, 3

UNITS = ("a", "b", "  ", "       ", "─", "●", "字", "国", "👩", "e\u0301", "が", "ﾊ")
STYLES = (
    "", "red", "#ff8800 on #102030", "#00ff00 on #102030", "bold #00ff00 on #102030", "dim", "underline red",
    "reverse", "italic blue on white", "strike on #102030", "bold dim on red", "color(200) on color(20)",
    "link https://a.example",
)  # fmt: skip


@st.composite
def parts(draw: st.DrawFn, width: int) -> list[Part]:
    """Parts of exactly this width."""
    made: list[Part] = []
    room = width
    while room:
        unit, style, count = draw(st.sampled_from(UNITS)), draw(st.sampled_from(STYLES)), draw(st.integers(1, 4))
        text = unit * count
        if cell_len(text) > room:
            text = "." * room
        made.append((text, style))
        room -= cell_len(text)
    return made


@st.composite
def updates(draw: st.DrawFn) -> LayoutUpdate | ChopsUpdate | None:
    """A whole screen, some pieces of it, or None: somebody else writes on it."""
    kind = draw(st.sampled_from(("whole", "pieces", "pieces", "pieces", "spoilt")))
    if kind == "spoilt":
        return None
    if kind == "whole":
        return layout(*(draw(parts(WIDTH)) for _ in range(HEIGHT)))
    pieces: dict[tuple[int, int], list[Part]] = {}
    for y in draw(st.lists(st.integers(0, HEIGHT - 1), min_size=1, max_size=HEIGHT, unique=True)):
        start = draw(st.integers(0, WIDTH - 1))
        width = draw(st.integers(1, WIDTH - start))
        pieces[(start, y)] = draw(parts(width))
    return chops(WIDTH, HEIGHT, pieces)


@settings(max_examples=300, deadline=None)
@given(first=st.tuples(*[parts(WIDTH)] * HEIGHT), rest=st.lists(updates(), max_size=6), repeats=st.booleans())
def test_every_cell_is_as_textual_paints_it(
    first: tuple[list[Part], ...], rest: list[LayoutUpdate | ChopsUpdate | None], repeats: bool
) -> None:
    screens = Screens(WIDTH, HEIGHT, repeats=repeats)
    whole = layout(*first)
    screens.show(whole)
    for update in rest:
        if update is None:
            for terminal in (screens.ours, screens.control):
                terminal.spoil("#")
            screens.painter.forget()
            update = whole  # noqa: PLW2901 - both repaint all when they come back
        screens.show(update)
        found = differences(screens.ours, screens.control)
        assert not found, found


TALL = 10


@settings(max_examples=150, deadline=None)
@given(
    pool=st.lists(parts(WIDTH), min_size=16, max_size=16),
    steps=st.lists(st.tuples(st.integers(0, 6), st.integers(0, TALL - 1), st.integers(0, TALL)), max_size=6),
    repeats=st.booleans(),
)
def test_a_list_that_scrolls_and_changes_meanwhile_is_as_textual_paints_it(
    pool: list[list[Part]], steps: list[tuple[int, int, int]], repeats: bool
) -> None:
    """Each step: what is on top, a row that is another, and how many rows are painted in a first piece."""
    screens = Screens(WIDTH, TALL, repeats=repeats)
    screens.show(layout(*pool[:TALL]))
    for top, other, first in steps:
        rows = pool[top : top + TALL]
        rows[other] = [("x" * WIDTH, "bold red")]
        update = layout(*rows)
        screens.control.feed(update.render_segments(CONSOLE))
        screens.painter.take(update, ColorSystem.TRUECOLOR)
        screens.ours.feed(screens.painter.paint(list(screens.painter.dirty)[:first]))
        screens.ours.feed(screens.painter.paint(list(screens.painter.dirty), limit=20))
        screens.ours.feed(screens.painter.paint(list(screens.painter.dirty)))
        found = differences(screens.ours, screens.control)
        assert not found, found
