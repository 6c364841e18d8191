"""A line keeps what is worth most."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from crashcart.tui.fitting import fitted, part

PARTS = (part(10, ("gpu007", "title")), part(1, ("reason", "text")), part(5, ("job", "accent")))


def text(width: int) -> str:
    return "".join(text for text, _ in fitted(PARTS, width))


def test_all_is_shown_in_its_order_where_there_is_room() -> None:
    assert text(40) == "gpu007  reason  job"


def test_what_is_worth_least_goes_first_and_what_still_fits_stays() -> None:
    assert text(12) == "gpu007  job"
    assert text(6) == "gpu007"


def test_the_one_worth_most_is_there_in_any_case() -> None:
    assert text(2) == "gpu007"


@given(st.lists(st.tuples(st.integers(0, 9), st.text("ab", max_size=9)), max_size=9), st.integers(9, 60))
def test_a_line_is_never_longer_than_its_room(parts: list[tuple[int, str]], width: int) -> None:
    spans = fitted([part(worth, (said, "text")) for worth, said in parts], width)
    assert sum(len(said) for said, _ in spans) <= width
