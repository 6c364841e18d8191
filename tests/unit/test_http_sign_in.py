"""Secrets come from files, anew each time; a file that holds none is named and never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from crashcart.backends.errors import Denied
from crashcart.backends.http.options import HttpOptions
from crashcart.backends.http.sign_in import authorization

URL = "http://monitoring:9090"


def token(file: Path) -> HttpOptions:
    return HttpOptions(url=URL, interval_seconds=5.0, token_file=str(file))


def password(file: Path) -> HttpOptions:
    return HttpOptions(url=URL, interval_seconds=5.0, username="bob", password_file=str(file))


def test_a_secret_is_read_anew_each_time(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("first\n")
    assert authorization(token(file)) == "Bearer first"
    file.write_text("second\r\n")
    assert authorization(token(file)) == "Bearer second"
    assert authorization(password(file)) == "Basic Ym9iOnNlY29uZA=="
    assert authorization(HttpOptions(url=URL, interval_seconds=5.0)) is None


def test_a_password_may_hold_blanks_and_any_letter(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(" pässword \n", "utf-8")
    assert authorization(password(file)) == "Basic Ym9iOiBww6Rzc3dvcmQg"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, r"cannot be read \(No such file or directory\)"),
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"s3cret\nlines", "alone"),
        (b"s3cret\r\nX-Evil: b", "alone"),
        (b"s3cret\x00", "alone"),
        (b"\xff\xfe\x00s3cret", "is not text"),
        (b"s3cret" * 20_000, "is too large"),
    ],
)
def test_a_file_that_holds_no_secret_is_named_and_not_shown(tmp_path: Path, content: bytes | None, said: str) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    for options, option in ((token(file), "token_file"), (password(file), "password_file")):
        with pytest.raises(Denied, match=said) as caught:
            authorization(options)
        assert str(caught.value).startswith(f"{option} {file}") and "s3cret" not in str(caught.value)


@pytest.mark.parametrize("content", ["two words", "tök"])
def test_what_cannot_be_a_token_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "secret").write_text(content, "utf-8")
    with pytest.raises(Denied, match="does not hold one token") as caught:
        authorization(token(tmp_path / "secret"))
    assert content not in str(caught.value)


def test_a_home_that_nobody_has_is_told() -> None:
    with pytest.raises(Denied, match="token_file ~no-such-user/t cannot be read"):
        authorization(token(Path("~no-such-user/t")))
