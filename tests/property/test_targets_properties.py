"""Whatever names there are, folding them and expanding the result gives the same names."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from crashcart.ops.targets import TargetError, expand, fold

PREFIX = st.sampled_from(["gpu", "n", "rack1-node", "a.b", "x_", ""])
NUMBER = st.one_of(st.integers(0, 1200).map(str), st.integers(0, 99).map(lambda value: f"{value:04}"))
NAME = st.builds(
    lambda prefix, number, suffix: f"{prefix}{number}{suffix}", PREFIX, NUMBER, st.sampled_from(["", "-ib", ".hpc"])
)


@given(st.lists(NAME, min_size=1, max_size=60))
def test_folding_and_expanding_gives_the_same_names(names: list[str]) -> None:
    assert set(expand(fold(names))) == set(names)


@given(st.text(max_size=40))
def test_any_text_is_expanded_or_refused_and_never_anything_else(text: str) -> None:
    try:
        names = expand(text)
    except TargetError:
        return
    assert names
    assert len(set(names)) == len(names)
    assert all(name.isascii() and not set(name) & set("[]*?,@ ") for name in names)
