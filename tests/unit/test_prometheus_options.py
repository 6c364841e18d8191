"""The prometheus table: what is refused, and in which words."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from crashcart.backends.prometheus.options import Options
from crashcart.backends.prometheus.selector import LabelMatcher, parse_selector

URL = "http://prometheus:9090"


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({}, "url"),
        ({"urll": "x"}, "urll"),
        ({"url": "http://prometheus:9090/graph"}, "leave /graph away"),
        ({"rate_window_seconds": 1}, "rate_window_seconds: between"),
        ({"metrics": {"utilisation": "x"}}, "is none of ours"),
        ({"metrics": {"age_seconds": "x"}}, "is none of ours"),
        ({"metrics": {"util_percent": "rate(x[5m])"}}, "use a recording rule"),
        ({"host_labels": []}, "host_labels: 1 to 6"),
        ({"host_labels": ["a", "a"]}, "host_labels: 1 to 6"),
        ({"host_labels": ["a-b"]}, "is no name of a label"),
        ({"gpu_labels": ["__name__"]}, "is no name of a label"),
        ({"selector": "cluster=a100"}, "cannot read"),
        ({"selector": '{cluster="a100"'}, "one brace only"),
        ({"selector": '{cluster="a100"} or up'}, "one brace only"),
        ({"selector": '{cluster="a"b"}'}, "cannot read"),
        ({"selector": '{rack=~"("}'}, "is no regular expression"),
        ({"selector": '{__name__="up"}'}, "__name__ cannot be limited"),
        ({"selector": "{"}, "one brace only"),
    ],
)
def test_a_wrong_table_is_refused_with_the_key(table: dict[str, Any], said: str) -> None:
    table = table if "url" in table or not table or "urll" in table else {"url": URL, **table}
    with pytest.raises(msgspec.ValidationError, match=said.replace("(", r"\(")):
        msgspec.convert(table, Options)


def test_a_full_table_is_taken() -> None:
    options = msgspec.convert(
        {
            "url": "https://mimir.example/prometheus/",
            "token_file": "/run/token",
            "ca_file": "/etc/ca.pem",
            "headers": {"X-Scope-OrgID": "gpu"},
            "selector": '{cluster="a100", rack=~"r1.*"}',
            "metrics": {"util_percent": "site:gpu_util"},
            "host_labels": ["node"],
            "gpu_labels": ["gpu"],
        },
        Options,
    )
    assert options.base_url == "https://mimir.example/prometheus"
    assert options.sign_in_from == "the token in /run/token"
    signed = {"url": URL, "username": "u", "password_file": "/p"}
    assert msgspec.convert(signed, Options).sign_in_from == "user u and the password in /p"
    assert Options(url=URL).sign_in_from == ""


def test_a_selector_is_read_with_its_escapes() -> None:
    assert parse_selector("") == parse_selector("{}") == ()
    assert parse_selector(r'a="x\"y\\z\n",b!~"c|d",') == (
        LabelMatcher("a", "=", 'x"y\\z\n'),
        LabelMatcher("b", "!~", "c|d"),
    )


@pytest.mark.parametrize(
    ("sign", "value", "held", "not_held"),
    [("=", "a", "a", "b"), ("!=", "a", "b", "a"), ("=~", "a.*", "abc", "ba"), ("!~", "a.*", "ba", "abc")],
)
def test_a_condition_holds_as_in_promql(sign: Any, value: str, held: str, not_held: str) -> None:
    one = LabelMatcher("x", sign, value)
    assert one.holds(held) and not one.holds(not_held)
