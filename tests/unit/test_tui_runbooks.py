"""A runbook on this machine is shown as text; an alert cannot make the screen open anything else."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from crashcart.tui.runbooks import LIMIT_BYTES, Runbooks, local_path, read


@pytest.fixture
def page(tmp_path: Path) -> Path:
    page = tmp_path / "xid 79.md"
    page.write_text("1. drain\n2. reboot\n")
    return page


@pytest.mark.parametrize(
    ("link", "path"),
    [
        ("/srv/runbooks/xid.md", "/srv/runbooks/xid.md"),
        ("file:///srv/xid%2079.md", "/srv/xid 79.md"),
        ("file://localhost/srv/xid.md", "/srv/xid.md"),
        ("file://other-host/srv/xid.md", None),
        ("https://wiki.example.org/xid.md", None),
        ("//wiki.example.org/xid.md", None),
        ("xid.md", None),
        ("", None),
        ("http://[", None),
    ],
)
def test_only_a_path_on_this_machine_is_a_local_runbook(link: str, path: str | None) -> None:
    assert local_path(link) == (None if path is None else Path(path))


async def test_it_is_read_when_asked_for_and_again_when_it_changed(page: Path) -> None:
    runbooks, link = Runbooks(), f"file://{page}".replace(" ", "%20")
    assert runbooks.behind(link).state == "reading"
    assert await runbooks.fill()
    first = runbooks.behind(link)
    assert (first.state, first.text) == ("there", "1. drain\n2. reboot")
    assert not await runbooks.fill()
    assert runbooks.behind(link) is first
    await asyncio.to_thread(page.write_text, "1. wait\n")
    assert await runbooks.fill()
    assert runbooks.behind(link).text == "1. wait"


async def test_nothing_is_read_that_no_page_asked_for(page: Path) -> None:
    runbooks = Runbooks()
    runbooks.behind(str(page))
    await runbooks.fill()
    assert not runbooks.is_wanted
    assert not await runbooks.fill()


def test_a_remote_runbook_is_a_link_and_is_never_fetched() -> None:
    assert Runbooks().behind("https://wiki.example.org/xid.md").state == "elsewhere"


def test_what_a_terminal_would_obey_is_made_visible(page: Path) -> None:
    page.write_bytes(b"\x1b]52;c;eA==\x07 run \x1b[2J\r\nnext")
    assert "\x1b" not in read(page).text
    assert "␛]52" in read(page).text


def test_a_pipe_is_refused_and_does_not_hold_anything_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.md")
    assert read(tmp_path / "pipe.md").text == "it is not a plain file"


def test_a_folder_a_large_file_and_a_missing_one_say_so(tmp_path: Path) -> None:
    (tmp_path / "large.md").write_bytes(b"x" * (LIMIT_BYTES + 1))
    (tmp_path / "folder.md").mkdir()
    assert "64 kB" in read(tmp_path / "large.md").text
    assert "not a plain file" in read(tmp_path / "folder.md").text
    assert "No such file" in read(tmp_path / "gone.md").text


@pytest.mark.parametrize("name", [".ssh/config.txt", ".secret.md", "id_ed25519", "credentials.json"])
def test_what_is_no_document_is_not_opened(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("secret")
    assert read(path).state == "refused"
    assert "secret" not in read(path).text
