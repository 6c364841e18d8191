"""The border: nothing a terminal obeys gets in."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashcart.backends import text
from crashcart.backends.errors import BadIdentifier

HOSTILE = (
    "\x1b]52;c;Y3VybCBldmlsfHNo\x07", "\x9b31m", "\u202egpj.exe", "a\u200bb", "\x1b[c", "\x00", "\x7f", "\r\n",
    "e" + "\u0301" * 30, "\ufeff", "\U000e0041", "\u2028", "\ud800",
)  # fmt: skip


@pytest.mark.parametrize("payload", HOSTILE)
def test_hostile_text_becomes_visible(payload: str) -> None:
    shown = text.clean(f"job {payload} end")
    assert shown.startswith("job ")
    assert shown.endswith(" end")
    assert not any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") for char in shown)


@given(st.text() | st.binary())
def test_cleaned_text_is_clean_and_stays_so(raw: str | bytes) -> None:
    once = text.clean(raw)
    assert text.clean(once) == once
    assert not any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co") for char in once)


def test_long_text_is_cut_with_a_mark() -> None:
    assert text.clean("x" * 50, limit=10) == "x" * 10 + "…"


def test_bytes_that_are_not_utf8_are_shown_as_escapes() -> None:
    assert text.clean(b"a\xffb") == "a\\xffb"


@pytest.mark.parametrize(
    "name", ["gpu-01; id", "ALL ", "-h", "gpu[01-99]", "a=b", "", "gpu\n", "gpu0б", "../x", "x" * 300]
)
def test_what_is_not_a_node_name_is_refused(name: str) -> None:
    with pytest.raises(BadIdentifier):
        text.node_name(name)


@pytest.mark.parametrize("name", ["gpu001", "dgx-a100-07", "n1.example.org", "10.0.0.7", "Node_1"])
def test_node_names_pass(name: str) -> None:
    assert text.node_name(name) == name


@pytest.mark.parametrize("wrong", ["42; rm", "42_", "all", "-1", "42_[1-3]", "42\n"])
def test_what_is_not_a_job_id_is_refused(wrong: str) -> None:
    with pytest.raises(BadIdentifier):
        text.job_id(wrong)


@pytest.mark.parametrize("wrong", ['x" State=RESUME', "x State=RESUME", "$(id)", "a\nb", "", "r" * 201, "`id`"])
def test_a_reason_carries_no_key_value_and_no_shell(wrong: str) -> None:
    with pytest.raises(BadIdentifier):
        text.reason(wrong)
