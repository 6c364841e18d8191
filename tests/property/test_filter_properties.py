"""No text makes the filter fail in any way but its own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from crashcart.ops.filter import FilterError, compile_filter
from crashcart.ops.filter.parse import parse

PIECES = st.sampled_from(
    ["state", "=", "!=", "~=", "in", "gpu[1-3]", "(", ")", "&", "|", "!", '"a b"', "10m", "x", " ", "[", "]", "\\"]
)


@given(
    st.lists(PIECES, max_size=25).map("".join) | st.text(max_size=60), st.sampled_from(["node", "job", "gpu", "alert"])
)
def test_any_text_compiles_or_says_where_it_is_wrong(text: str, kind: str) -> None:
    try:
        compile_filter(text, kind)
    except FilterError as error:
        assert 0 <= error.position <= len(text) + 1
        assert str(error)


@given(st.integers(51, 400))
def test_depth_is_bounded(depth: int) -> None:
    try:
        parse("(" * depth + "x" + ")" * depth)
    except FilterError as error:
        assert "deep" in str(error)
    else:
        raise AssertionError("deeper than the bound")
