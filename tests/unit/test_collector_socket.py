"""The socket of a shared collector: for its owner and one group, and replaced only when its collector has died."""

from __future__ import annotations

import grp
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from crashcart.ops.collector_socket import CannotServe, CollectorSocket


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "c.sock"


@pytest.fixture
def door(path: Path) -> Iterator[CollectorSocket]:
    made = CollectorSocket(path)
    yield made
    made.close()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_socket_is_for_its_owner_alone_whatever_the_umask(path: Path) -> None:
    before = os.umask(0)
    try:
        door = CollectorSocket(path)
        assert mode(path) == 0o600
        assert os.umask(0) == 0, "the umask is as it was"
        door.close()
    finally:
        os.umask(before)


def test_a_group_may_connect_too_when_it_is_named(path: Path) -> None:
    group = grp.getgrgid(os.getgid())
    door = CollectorSocket(path, group.gr_name)
    assert mode(path) == 0o660
    assert path.stat().st_gid == group.gr_gid
    door.close()


def test_a_group_that_does_not_exist_leaves_no_socket(path: Path) -> None:
    with pytest.raises(CannotServe, match="no group 'nobody-has-this'"):
        CollectorSocket(path, "nobody-has-this")
    assert not path.exists()


def test_it_is_gone_at_the_end(path: Path) -> None:
    CollectorSocket(path).close()
    assert not path.exists()


def test_the_socket_of_a_collector_that_died_is_replaced(path: Path) -> None:
    script = f"""if True:
        import os
        from pathlib import Path
        from crashcart.ops.collector_socket import CollectorSocket
        door = CollectorSocket(Path({str(path)!r}))
        os._exit(9)
    """
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 9
    assert path.is_socket()
    door = CollectorSocket(path)
    door.socket.listen()
    with socket.socket(socket.AF_UNIX) as reader:
        reader.connect(str(path))
    door.close()


def test_a_collector_that_lives_is_named_and_left_alone_also_when_it_does_not_answer(
    door: CollectorSocket, path: Path
) -> None:
    script = f"""if True:
        from pathlib import Path
        from crashcart.ops.collector_socket import CannotServe, CollectorSocket
        try:
            CollectorSocket(Path({str(path)!r}))
        except CannotServe as error:
            print(error)
    """
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert f"process {os.getpid()}" in done.stdout
    assert "attach to it" in done.stdout
    assert path.is_socket()


def test_another_programs_socket_is_left_alone(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        with pytest.raises(CannotServe, match="another program"):
            CollectorSocket(path)
        assert path.is_socket()


def test_a_file_is_not_taken_for_an_old_socket(path: Path) -> None:
    path.write_text("precious")
    with pytest.raises(CannotServe, match="no socket"):
        CollectorSocket(path)
    assert path.read_text() == "precious"


def test_a_link_is_not_followed_to_a_socket_elsewhere(path: Path, tmp_path: Path) -> None:
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CannotServe, match="no socket"):
        CollectorSocket(path)
    assert path.is_symlink()


def test_a_folder_into_which_others_may_write_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(CannotServe, match="chmod go-w"):
        CollectorSocket(folder / "c.sock")
    folder.chmod(0o1777)
    CollectorSocket(folder / "c.sock").close()


def test_a_folder_that_is_not_there_is_named_with_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(CannotServe, match=r"nowhere.*RuntimeDirectory"):
        CollectorSocket(tmp_path / "nowhere" / "c.sock")


def test_what_somebody_else_put_there_meanwhile_is_not_taken_away(path: Path) -> None:
    door = CollectorSocket(path)
    path.rename(path.with_name("moved"))
    path.write_text("theirs")
    door.close()
    assert path.read_text() == "theirs"
