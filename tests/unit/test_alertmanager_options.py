"""The table of Alertmanager: what it takes, and one clear line for each thing that it does not."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from crashcart.backends.alertmanager import BACKEND
from crashcart.backends.alertmanager.options import Options

URL = "http://alertmanager:9093"


def options(**table: Any) -> Options:
    return msgspec.convert({"url": URL, **table}, Options)


def test_one_address_or_several_are_taken_without_their_last_slash() -> None:
    assert options(url=f"{URL}/").urls == (URL,)
    assert options(url=[URL, "https://b.example.org/am/"]).urls == (URL, "https://b.example.org/am")


def test_only_the_address_is_needed() -> None:
    made = options()
    assert (made.interval_seconds, made.deadman, made.silent_seconds, made.severity_label) == (
        5.0,
        None,
        180.0,
        "severity",
    )


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"url": []}, "name at least one"),
        ({"url": [URL, f"{URL}/"]}, "named twice"),
        ({"deadman": " "}, "name of an alert"),
        ({"silent_seconds": 1}, "between 10 and 86400"),
        ({"severity_label": ""}, "name of a label"),
    ],
)
def test_a_wrong_option_is_refused_in_clear_words(table: dict[str, Any], said: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=said):
        options(**table)


def test_the_address_is_needed() -> None:
    with pytest.raises(msgspec.ValidationError, match="url"):
        msgspec.convert({}, BACKEND.options)
