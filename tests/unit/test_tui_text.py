"""Words, widths and orders: what is shown is short, aligned and honest about what is not known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.style import Style

from crashcart.tui import words
from crashcart.tui.cells import fit, padded, strip_of
from crashcart.tui.natural import natural

PLAIN = Style()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "–"), (-3, "0s"), (0, "0s"), (59.9, "59s"), (60, "1m"), (3599, "59m"), (3600, "1h00"), (11_100, "3h05"),
     (86_400, "1d00"), (190_000, "2d04"), (86_400 * 120, "120d")],
)  # fmt: skip
def test_ages_are_short(seconds: float | None, text: str) -> None:
    assert words.age(seconds) == text


@given(st.floats(0, 1e9))
def test_an_age_never_takes_more_than_six_cells(seconds: float) -> None:
    assert len(words.age(seconds)) <= 6


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (0, "0B"), (80 * 2**30, "80G"), (1.9 * 2**40, "1.9T"), (641 * 2**20, "641M")]
)
def test_sizes_are_binary_and_short(value: float | None, text: str) -> None:
    assert words.size(value) == text


def test_what_is_not_known_is_a_dash_and_not_a_zero() -> None:
    assert words.count(None) == "–"
    assert words.share(None, 8) == "–/8"
    assert words.counted(None, "GPU") == "– GPUs"
    assert words.counted(1, "GPU") == "1 GPU"


@given(st.text(), st.integers(0, 40), st.sampled_from(["left", "right"]))
def test_fitted_text_has_exactly_its_width(text: str, width: int, align: str) -> None:
    assert cell_len(fit(text, width, align)) == width  # type: ignore[arg-type]


def test_what_was_cut_says_so_and_wide_characters_are_not_halved() -> None:
    assert fit("allocated", 5) == "allo…"
    assert fit("漢字漢字", 4) == "漢 …"
    assert fit("7", 3, "right") == "  7"


@given(st.text(st.characters(codec="utf-8"), max_size=30), st.integers(1, 30))
def test_padding_is_a_span_of_its_own(text: str, width: int) -> None:
    spans = padded(text, width, "crit")
    assert "".join(part for part, _ in spans) == fit(text, width)
    assert all(role == "text" for part, role in spans if part and not part.strip(" "))


@given(st.lists(st.text(max_size=12), max_size=6), st.integers(1, 40))
def test_a_line_is_exactly_as_wide_as_asked(texts: list[str], width: int) -> None:
    strip = strip_of([(text, PLAIN) for text in texts], width, PLAIN)
    assert sum(cell_len(segment.text) for segment in strip) == width


def test_neighbours_of_one_style_become_one_segment() -> None:
    strip = strip_of([("a", PLAIN), ("b", PLAIN), ("c", Style(bold=True))], 3, PLAIN)
    assert [segment.text for segment in strip] == ["ab", "c"]


def test_names_sort_as_people_count() -> None:
    names = ["gpu10", "gpu9", "gpu1", "login1", "9", "10_2", "10_10"]
    assert sorted(names, key=natural) == ["9", "10_2", "10_10", "gpu1", "gpu9", "gpu10", "login1"]
