"""Severities in the same words, whatever the rules of a site call them."""

from __future__ import annotations

from .text import clean

_WORDS = {
    "critical": "critical", "crit": "critical", "page": "critical", "pager": "critical", "error": "critical",
    "fatal": "critical", "emergency": "critical", "warning": "warning", "warn": "warning", "info": "info",
    "informational": "info", "notice": "info", "none": "none", "": "none",
}  # fmt: skip


def severity_of(label: str) -> str:
    """`critical`, `warning`, `info` or `none` for the value of a severity label, "" where an alert has none.

    A word that we do not know stays: whoever sees it may know it, and the screen does not take it lightly.
    """
    word = clean(label.strip(), limit=40).lower()
    return _WORDS.get(word, word)
