"""Recordings: players read them, nobody else does, and nothing of what was shown is lost."""

from __future__ import annotations

import errno
import json
import os
import resource
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashcart.ops.recording import Recording


class HandClock:
    """Time moved by hand."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def now(self) -> float:
        return 1_700_000_000.5

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def shown(path: Path) -> str:
    return "".join(event[2] for event in lines(path)[1:] if event[1] == "o")


def test_a_recording_is_asciicast_version_two(tmp_path: Path, clock: HandClock) -> None:
    recording = Recording(tmp_path / "a.cast", 120, 40, clock)
    clock.seconds += 1.25
    recording.output(b"$ ls\r\n")
    clock.seconds += 0.5
    recording.resize(80, 24)
    recording.close()
    assert lines(recording.path) == [
        {"version": 2, "width": 120, "height": 40, "timestamp": 1_700_000_000},
        [1.25, "o", "$ ls\r\n"],
        [1.75, "r", "80x24"],
    ]


def test_each_event_is_in_the_file_when_it_was_recorded(tmp_path: Path, clock: HandClock) -> None:
    recording = Recording(tmp_path / "a.cast", 80, 24, clock)
    assert len(lines(recording.path)) == 1
    recording.output(b"rm")
    assert shown(recording.path) == "rm"
    recording.close()


def test_only_its_owner_can_read_it(tmp_path: Path, clock: HandClock) -> None:
    before = os.umask(0)
    try:
        recording = Recording(tmp_path / "a.cast", 80, 24, clock)
    finally:
        os.umask(before)
    recording.close()
    assert stat.S_IMODE(recording.path.stat().st_mode) == 0o600


def test_no_recording_is_ever_overwritten(tmp_path: Path, clock: HandClock) -> None:
    (tmp_path / "a.cast").write_text("evidence")
    with pytest.raises(FileExistsError):
        Recording(tmp_path / "a.cast", 80, 24, clock)
    (tmp_path / "b.cast").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError):
        Recording(tmp_path / "b.cast", 80, 24, clock)
    assert (tmp_path / "a.cast").read_text() == "evidence"
    assert not (tmp_path / "elsewhere").exists()


def test_a_character_cut_in_two_is_whole_again(tmp_path: Path, clock: HandClock) -> None:
    recording = Recording(tmp_path / "a.cast", 80, 24, clock)
    for byte in "größe €".encode():
        recording.output(bytes([byte]))
    recording.close()
    assert shown(recording.path) == "größe €"


def test_bytes_that_are_no_text_are_kept_readable(tmp_path: Path, clock: HandClock) -> None:
    recording = Recording(tmp_path / "a.cast", 80, 24, clock)
    recording.output(b"\xff ok \xe2\x82")
    recording.close()
    assert shown(recording.path) == "\\xff ok \\xe2\\x82"


def test_the_file_itself_is_harmless_in_a_terminal(tmp_path: Path, clock: HandClock) -> None:
    recording = Recording(tmp_path / "a.cast", 80, 24, clock)
    recording.output("\x1b]52;c;eA==\x07 \u202e \u009b31m".encode())
    recording.close()
    assert set(recording.path.read_bytes()) <= {*range(0x20, 0x7F), 0x0A}


def test_closing_twice_is_fine(tmp_path: Path, clock: HandClock) -> None:
    recording = Recording(tmp_path / "a.cast", 80, 24, clock)
    recording.close()
    recording.close()
    assert len(lines(recording.path)) == 1


@pytest.fixture
def small_files() -> Iterator[None]:
    import signal

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.usefixtures("small_files")
def test_what_cannot_be_recorded_is_an_error(tmp_path: Path, clock: HandClock) -> None:
    recording = Recording(tmp_path / "a.cast", 80, 24, clock)
    with pytest.raises(OSError, match="File too large") as full:
        recording.output(b"x" * 1000)
    assert full.value.errno == errno.EFBIG
    recording.close()


@given(st.lists(st.binary(max_size=30), max_size=10))
def test_any_bytes_in_any_pieces_are_recorded(tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes]) -> None:
    recording = Recording(tmp_path_factory.mktemp("cast") / "a.cast", 80, 24, HandClock())
    for piece in pieces:
        recording.output(piece)
    recording.close()
    assert shown(recording.path) == b"".join(pieces).decode("utf-8", "backslashreplace")
