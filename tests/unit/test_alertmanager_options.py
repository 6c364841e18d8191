"""The table of Alertmanager: what it takes, and one clear line for each thing that it does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from crashcart.backends.alertmanager import BACKEND
from crashcart.backends.alertmanager.credentials import authorization
from crashcart.backends.alertmanager.options import Auth, Options, name_of
from crashcart.backends.errors import Denied

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
    ("url", "name"),
    [
        ("http://am:9093", "am:9093"),
        ("https://am.example.org", "am.example.org:443"),
        ("http://am/one", "am:80/one"),
        ("http://[::1]:9093", "[::1]:9093"),
    ],
)
def test_an_alertmanager_is_called_by_host_port_and_path(url: str, name: str) -> None:
    assert name_of(url) == name


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"url": []}, "name at least one"),
        ({"url": ""}, "is no address"),
        ({"url": "alertmanager:9093"}, "is no address"),
        ({"url": "ftp://a:1"}, "is no address"),
        ({"url": "http://a:99999"}, "is no address"),
        ({"url": "http://a b"}, "is no address"),
        ({"url": "http://a\nb:9093"}, "is no address"),
        ({"url": "http://bob:secret@a:9093"}, "no user and password"),
        ({"url": "http://a:9093/#/alerts"}, "leave out what follows"),
        ({"url": "http://a:9093/api/v2"}, "leave out /api/v2"),
        ({"url": [URL, f"{URL}/"]}, "named twice"),
        ({"auth": {}}, "give token_file, or"),
        ({"auth": {"username": "bob"}}, "together"),
        ({"auth": {"token_file": "t", "username": "bob", "password_file": "p"}}, "not both"),
        ({"auth": {"username": "b:ob", "password_file": "p"}}, "no colon"),
        ({"auth": {"password": "x"}}, "password"),
        ({"tls": {"ca_file": "ca.pem"}}, "no url begins with https"),
        ({"url": "https://a", "tls": {"key_file": "k"}}, "needs cert_file"),
        ({"url": "https://a", "tls": {"insecure": True, "ca_file": "c"}}, "checks nothing"),
        ({"headers": {"Authorization": "Bearer x"}}, "put the secret into a file"),
        ({"headers": {"X Y": "1"}}, "no name of a header"),
        ({"headers": {"X": "a\r\nB: c"}}, "plain printable"),
        ({"deadman": " "}, "name of an alert"),
        ({"interval_seconds": 0.1}, "between 1 and 3600"),
        ({"timeout_seconds": 100}, "between 1 and 25"),
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


def test_a_secret_comes_from_its_file_anew_each_time(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first\n")
    auth = Auth(token_file=str(file))
    assert authorization(auth) == "Bearer first"
    file.write_text("second\n")
    assert authorization(auth) == "Bearer second"
    assert authorization(Auth(username="bob", password_file=str(file))) == "Basic Ym9iOnNlY29uZA=="


@pytest.mark.parametrize("content", [b"", b"two\nlines", b"\xff\xfe\x00", "tök".encode()])
def test_a_file_that_holds_no_secret_is_named_and_not_shown(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)
    with pytest.raises(Denied, match=str(file)) as caught:
        authorization(Auth(token_file=str(file)))
    assert "lines" not in str(caught.value) and "tök" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(Denied, match=r"none cannot be read: No such file"):
        authorization(Auth(token_file=str(tmp_path / "none")))
