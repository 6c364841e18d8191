"""Which labels a selector matches, and when nobody can tell."""

from __future__ import annotations

import pytest

from crashcart.ops.selectors import selects

LABELS = ("app=llm", "tier=a", "note=x=y")


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("app=llm", True),
        ("app=other", False),
        ("app=llm,tier in (a,b)", True),
        ("tier in (b,c),app=llm", False),
        ("tier notin (b,c)", True),
        ("tier notin (a)", False),
        ("missing notin (a)", True),
        ("app", True),
        ("debug", False),
        ("!debug", True),
        ("!app", False),
        ("note=x=y", True),
        ("(all)", True),
        ("(none)", False),
    ],
)
def test_a_selector_is_read_as_kubectl_reads_it(selector: str, expected: bool) -> None:
    assert selects(selector, LABELS) is expected


def test_what_cannot_be_told_is_not_guessed() -> None:
    assert selects("app=llm", None) is None, "the labels are not known"
    assert selects("app=llm,tier in (a,b…", LABELS) is None, "the selector was cut off"
    assert selects("", LABELS) is None
    assert selects("(all)", None) is True
    assert selects("(none)", None) is False


def test_a_pod_without_labels_has_none() -> None:
    assert selects("app=llm", ()) is False
    assert selects("!app", ()) is True
