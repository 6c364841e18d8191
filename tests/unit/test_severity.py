"""Severities of any site in our words."""

from __future__ import annotations

import pytest

from crashcart.backends.severity import severity_of


@pytest.mark.parametrize(
    ("word", "severity"),
    [
        ("page", "critical"),
        ("CRITICAL", "critical"),
        ("error", "critical"),
        ("warn", "warning"),
        ("Informational", "info"),
        ("info ", "info"),
        ("none", "none"),
        ("", "none"),
    ],
)
def test_known_words_become_ours(word: str, severity: str) -> None:
    assert severity_of(word) == severity


def test_an_unknown_word_is_kept_and_can_do_no_harm() -> None:
    assert severity_of("P3") == "p3"
    assert severity_of("a\x1b[31m") == "a␛[31m"
    assert len(severity_of("x" * 1000)) == 41
