"""How a command on this machine ends, as a value."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest

from crashcart.backends.contract import CommandRunner
from crashcart.backends.errors import Unreachable
from crashcart.backends.local import LocalRunner


def python(code: str) -> tuple[str, str, str]:
    return sys.executable, "-c", code


def test_it_is_a_runner() -> None:
    runner: CommandRunner = LocalRunner()
    assert (isinstance(runner, CommandRunner), runner.where) == (True, "local")


async def test_success_is_its_output() -> None:
    result = await LocalRunner().run(("echo", "a b", "$HOME;*"), timeout=10)
    assert (result.state, result.exit_status, result.stdout) == ("ok", 0, b"a b $HOME;*\n")


async def test_failure_keeps_status_and_complaint() -> None:
    result = await LocalRunner().run(python("import sys; sys.exit('no \\x1b[2J such')"), timeout=10)
    assert (result.state, result.exit_status) == ("failed", 1)
    assert result.detail == "no ␛[2J such"


async def test_a_command_ended_by_a_signal_is_unknown() -> None:
    result = await LocalRunner().run(python("import os; os.kill(os.getpid(), 9)"), timeout=10)
    assert (result.state, result.exit_status) == ("unknown", None)


async def test_too_long_is_unknown_and_leaves_no_process(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    begun = time.monotonic()
    result = await LocalRunner().run(("sh", "-c", f"sleep 60 & echo $! > {pid_file}; echo begun; wait"), timeout=0.5)
    assert time.monotonic() - begun < 10
    assert (result.state, result.exit_status) == ("unknown", None)
    assert "may have had effect" in result.detail
    assert await asyncio.to_thread(is_gone, int(pid_file.read_text()))


async def test_cancelling_ends_the_whole_process_group(tmp_path: Path) -> None:
    pipe, pid_file = tmp_path / "pipe", tmp_path / "pid"
    os.mkfifo(pipe)
    script = f"sleep 60 & echo $! > {pid_file}; echo > {pipe}; wait"
    task = asyncio.ensure_future(LocalRunner().run(("sh", "-c", script), timeout=60))
    await asyncio.to_thread(pipe.read_text)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(is_gone, int(pid_file.read_text()))


@pytest.mark.parametrize("milliseconds", [0, 1, 2, 4, 8])
async def test_cancelling_while_it_starts_leaves_nobody_behind(milliseconds: int, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    script = f"sleep 60 & echo $! > {pid_file}; wait"
    task = asyncio.ensure_future(LocalRunner().run(("sh", "-c", script), timeout=60))
    await asyncio.sleep(milliseconds / 1000)
    task.cancel()
    async with asyncio.timeout(10):
        with pytest.raises(asyncio.CancelledError):
            await task
    if pid_file.exists() and (pid := pid_file.read_text()):
        assert await asyncio.to_thread(is_gone, int(pid))


def is_gone(pid: int) -> bool:
    """Whether the process ends soon; a zombie that init has not reaped yet has ended."""
    ends = time.monotonic() + 5
    while time.monotonic() < ends:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.02)
    return False


async def test_a_missing_program_is_unreachable_with_a_next_step() -> None:
    with pytest.raises(Unreachable, match="no-such-program is not on this machine; install it"):
        await LocalRunner().run(("no-such-program",), timeout=5)


async def test_a_program_that_cannot_be_started_is_unreachable(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="cannot be started"):
        await LocalRunner().run((str(tmp_path),), timeout=5)


@pytest.mark.parametrize("bad", ["a\0b", "x" * 4097, "\ud800"])
async def test_a_bad_argument_is_not_sent(bad: str, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    result = await LocalRunner().run(("touch", str(mark), bad), timeout=5)
    assert (result.state, result.exit_status) == ("not_sent", None)
    assert not mark.exists()


async def test_a_bad_environment_is_not_sent() -> None:
    assert (await LocalRunner().run(("true",), timeout=5, env={"A": "x\0y"})).state == "not_sent"


async def test_output_is_kept_up_to_the_limit_and_the_program_still_ends() -> None:
    code = "import sys; sys.stdout.write('x' * 3_000_000); sys.stderr.write('y' * 10); sys.exit(3)"
    result = await LocalRunner().run(python(code), timeout=20, limit=1000)
    assert (result.state, result.exit_status, result.truncated) == ("failed", 3, True)
    assert (result.stdout, result.stderr) == (b"x" * 1000, b"y" * 10)


async def test_output_as_long_as_the_limit_is_whole() -> None:
    result = await LocalRunner().run(("printf", "12345"), timeout=5, limit=5)
    assert (result.stdout, result.truncated) == (b"12345", False)


async def test_input_reaches_the_program_and_otherwise_there_is_none() -> None:
    assert (await LocalRunner().run(("cat",), timeout=5, stdin=b"hello")).stdout == b"hello"
    assert (await LocalRunner().run(("cat",), timeout=5)).stdout == b""


async def test_a_program_that_does_not_read_its_input_is_no_error() -> None:
    assert (await LocalRunner().run(("true",), timeout=5, stdin=b"x" * 1_000_000)).state == "ok"


async def test_messages_come_in_english_and_the_environment_is_ours_plus_what_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.setenv("INHERITED", "yes")
    result = await LocalRunner().run(("sh", "-c", "echo $LC_ALL $INHERITED $GIVEN"), timeout=5, env={"GIVEN": "too"})
    assert result.stdout == b"C yes too\n"


async def test_a_command_has_a_session_of_its_own() -> None:
    result = await LocalRunner().run(python("import os; print(os.getsid(0), os.getpid())"), timeout=10)
    session, pid = result.stdout.split()
    assert session == pid != str(os.getsid(0)).encode()
