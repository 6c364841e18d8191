"""Shells and diagnostics on simulated nodes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from crashcart.backends.contract import CommandResult
from crashcart.backends.demo.shell import DemoTerminal, LineEditor
from crashcart.backends.errors import Unreachable
from tests.demo_world import HandCluster

VICTIM = "gpu007"


class HandRunner:
    """Runs commands on a node of a simulation in this process."""

    where = "ssh:gpu007"

    def __init__(self, cluster: HandCluster) -> None:
        self.cluster = cluster
        self.is_gone = False

    async def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float,  # noqa: ASYNC109
        env: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
        limit: int = 64 << 20,
    ) -> CommandResult:
        if self.is_gone:
            raise Unreachable("no route to host")
        ran = self.cluster.run(" ".join(argv), host=VICTIM)
        state = "ok" if ran.exit_status == 0 else "failed"
        return CommandResult(state, ran.exit_status, ran.stdout.encode(), ran.stderr.encode())  # type: ignore[arg-type]


@pytest.fixture
def runner() -> HandRunner:
    return HandRunner(HandCluster())


async def session(runner: HandRunner, typed: bytes) -> tuple[str, int | None]:
    """Type all of it, read to the end; return the screen and the exit status."""
    terminal = DemoTerminal(runner, VICTIM, 80, 24)
    terminal.write(typed)
    screen = b""
    async with asyncio.timeout(5):
        while data := await terminal.read():
            screen += data
        status = await terminal.wait()
    assert await terminal.read() == b""
    return screen.decode(), status


async def test_commands_run_between_prompts(runner: HandRunner) -> None:
    screen, status = await session(runner, b"hostname\rexit\r")
    assert screen.count(f"operator@{VICTIM}:~$ ") == 2
    assert f"\r\n{VICTIM}\r\n" in screen.replace(f"hostname\r\nexit\r\noperator@{VICTIM}:~$ ", "\r\n")
    assert status == 0


async def test_exit_carries_a_status(runner: HandRunner) -> None:
    assert (await session(runner, b"exit 3\r"))[1] == 3


async def test_end_of_file_carries_the_last_status(runner: HandRunner) -> None:
    assert (await session(runner, b"nosuch\r\x04"))[1] == 127


async def test_nvidia_smi_shows_the_lost_gpu(runner: HandRunner) -> None:
    screen, _ = await session(runner, b"nvidia-smi\rexit\r")
    assert "NVIDIA H100 80GB HBM3" in screen
    assert "ERR!" in screen
    table = [line for line in screen.split("\r\n") if line.startswith("|")]
    assert {len(line) for line in table} == {91}


async def test_dmesg_shows_the_xid(runner: HandRunner) -> None:
    screen, _ = await session(runner, b"dmesg\rexit\r")
    assert "NVRM: Xid (PCI:0000:9d:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus." in screen


async def test_typing_is_echoed_and_can_be_erased(runner: HandRunner) -> None:
    screen, status = await session(runner, b"exit 4\x7f5\r")
    assert "exit 4\b \b5\r\n" in screen
    assert status == 5


async def test_a_node_that_goes_away_is_said_in_the_shell(runner: HandRunner) -> None:
    runner.is_gone = True
    screen, status = await session(runner, b"hostname\r\x04")
    assert "no route to host" in screen
    assert status == 255


async def test_a_closed_session_has_no_status_and_leaves_no_task(runner: HandRunner) -> None:
    before = asyncio.all_tasks()
    terminal = DemoTerminal(runner, VICTIM, 80, 24)
    terminal.resize(120, 40)
    terminal.close()
    terminal.write(b"ignored")
    async with asyncio.timeout(5):
        while await terminal.read():
            pass
        assert await terminal.wait() is None
        await asyncio.gather(*(asyncio.all_tasks() - before), return_exceptions=True)
    assert asyncio.all_tasks() <= before


@pytest.mark.parametrize(
    ("keys", "echo", "lines"),
    [
        (b"ls\r", b"ls\r\n", ["ls"]),
        (b"ab\x15c\n", b"ab\b \b\b \bc\r\n", ["c"]),
        (b"ab\x03", b"ab^C\r\n", [""]),
        (b"\x1b[A\x1b[3~x\r", b"x\r\n", ["x"]),
        (b"\x7f", b"", []),
        (b"a\x04\r", b"a\r\n", ["a"]),
        ("é\r".encode(), "é\r\n".encode(), ["é"]),
    ],
)
def test_line_editor(keys: bytes, echo: bytes, lines: list[str]) -> None:
    assert LineEditor().type(keys) == (echo, lines)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("nvidia-smi -q", ["Product Name", "HW Thermal Slowdown", "Unable to determine the device handle"]),
        ("nvidia-smi -L", ["GPU 0: NVIDIA H100", "Unknown Error"]),
        ("nvidia-smi topo -m", ["NV18", "Legend"]),
        ("nvidia-smi --query-compute-apps=gpu_uuid,pid,process_name,used_gpu_memory --format=csv", ["python3", "MiB"]),
        ("journalctl -k -o short-iso --since -1h -g NVRM --no-pager", [f"{VICTIM} kernel: NVRM: Xid"]),
        ("timeout 10 dmesg -T", ["NVRM: Xid"]),
        ("ibstat", ["CA 'mlx5_0'", "State: Active"]),
        ("findmnt -D", ["/lustre", "USE%"]),
        ("uptime", ["load average"]),
        ("squeue", ["JOBID"]),
        ("ls", ["runbooks"]),
    ],
)
def test_diagnostics_answer_from_the_state(command: str, words: list[str]) -> None:
    ran = HandCluster().run(command, host=VICTIM)
    assert ran.exit_status == 0
    assert all(word in ran.stdout for word in words)


def test_dcgm_finds_the_lost_gpu_and_passes_a_healthy_node() -> None:
    cluster = HandCluster()
    sick, healthy = cluster.run("dcgmi diag -r 1", host=VICTIM), cluster.run("dcgmi diag -r 1", host="gpu045")
    assert sick.exit_status != 0 and "GPU 4 is lost" in sick.stdout
    assert healthy.exit_status == 0 and "Fail" not in healthy.stdout


def test_the_health_checks_finding_is_seen_on_the_node() -> None:
    cluster = HandCluster()
    (sick,) = [node for node in cluster.seen().nodes if (node.reason or "").startswith("NHC: check_hw_ib")]
    assert "State: Down" in cluster.run("ibstat", host=sick.name).stdout


def test_an_unknown_command_is_not_found() -> None:
    assert HandCluster().run("nosuch", host=VICTIM).exit_status == 127
