"""Commands over SSH on real servers: exact arguments, honest ends, bounded output, shared connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import accumulate
from pathlib import Path

import pytest

from crashcart.backends.errors import BadIdentifier
from crashcart.backends.ssh.powers import SshPowers
from tests.integration.ssh_server import BEHIND, SshServer

pytestmark = pytest.mark.real

PAYLOADS = (
    "plain", "two words", "", "'", '"', "'\"'\"'", "\\", "a\nb", "a\tb", "$HOME", "$(id)", "`id`", "; id", "| id",
    "&& id", "> /tmp/x", "*", "?", "[ab]", "{a,b}", "~", "~root", "!1", "#x", "-rf", "--", "a=b", "gpu[01-99]", "ALL",
    "\x1b[31m", "\u202eevil", "é", "\x7f", "\x01", "%s%n", "\\n", "x" * 4096,
)  # fmt: skip


@pytest.fixture
async def powers(server: SshServer) -> AsyncIterator[SshPowers]:
    made = SshPowers(server.options())
    yield made
    await made.close()


async def test_a_command_that_succeeds_is_ok(powers: SshPowers) -> None:
    runner = powers.host_runner("node01")
    result = await runner.run(["echo", "hello"], timeout=10)
    assert runner.where == "ssh:node01"
    assert (result.state, result.exit_status, result.stdout, result.stderr) == ("ok", 0, b"hello\n", b"")


async def test_a_command_that_fails_says_its_status_and_why(powers: SshPowers) -> None:
    result = await powers.host_runner("node01").run(["sh", "-c", "echo out; echo bad >&2; exit 3"], timeout=10)
    assert (result.state, result.exit_status) == ("failed", 3)
    assert (result.stdout, result.stderr, result.detail) == (b"out\n", b"bad\n", "bad")


async def test_a_missing_program_is_a_failure_of_the_command(powers: SshPowers) -> None:
    result = await powers.host_runner("node01").run(["no-such-program"], timeout=10)
    assert (result.state, result.exit_status) == ("failed", 127)


async def test_a_command_ended_by_a_signal_is_unknown(powers: SshPowers) -> None:
    result = await powers.host_runner("node01").run(["sh", "-c", "kill -9 $$"], timeout=10)
    assert (result.state, result.exit_status) == ("unknown", None)
    assert "KILL" in result.detail


async def test_a_command_that_takes_too_long_is_unknown_and_keeps_what_it_said(powers: SshPowers) -> None:
    runner = powers.host_runner("node01")
    await runner.run(["true"], timeout=10)
    async with asyncio.timeout(5):
        result = await runner.run(["sh", "-c", "echo begun; sleep 3"], timeout=1)
    assert (result.state, result.exit_status, result.stdout) == ("unknown", None, b"begun\n")
    assert (await runner.run(["true"], timeout=10)).state == "ok", "others keep the connection"


async def test_arguments_arrive_byte_for_byte(powers: SshPowers) -> None:
    result = await powers.host_runner("node01").run(["/usr/bin/printf", "%s\\0", *PAYLOADS], timeout=10)
    assert result.stdout == b"".join(payload.encode() + b"\0" for payload in PAYLOADS)


async def test_variables_arrive_byte_for_byte(powers: SshPowers) -> None:
    env = {f"CC_{number}": payload for number, payload in enumerate(PAYLOADS[:-1])}
    result = await powers.host_runner("node01").run(["printenv", "-0", *env], timeout=10, env=env)
    assert result.stdout == b"".join(value.encode() + b"\0" for value in env.values())


@pytest.mark.parametrize(
    ("argv", "env"),
    [
        ([], {}), ([""], {}), (["-x"], {}), (["A=b", "id"], {}), (["a;b"], {}), (["echo", "a\0b"], {}),
        (["echo", "x" * 4097], {}), (["echo", *["x" * 4096] * 30], {}), (["echo", "\ud800"], {}),
        (["echo"], {"A B": "x"}), (["echo"], {"-u": "x"}), (["echo"], {"A=": "x"}), (["echo"], {"A": "\0"}),
    ],
)  # fmt: skip
async def test_what_cannot_be_sent_safely_is_not_sent(
    powers: SshPowers, server: SshServer, argv: list[str], env: dict[str, str]
) -> None:
    before = server.logins("nodes")
    result = await powers.host_runner("node01").run(argv, timeout=10, env=env)
    assert (result.state, result.exit_status) == ("not_sent", None)
    assert result.detail
    assert server.logins("nodes") == before, "nothing was even opened"


async def test_output_that_is_no_text_harms_neither_it_nor_its_neighbours(powers: SshPowers) -> None:
    runner = powers.host_runner("node01")
    neighbour = asyncio.create_task(runner.run(["sh", "-c", "sleep 0.5; echo alive"], timeout=10))
    result = await runner.run(["/usr/bin/printf", "\\377\\376\\0\\303("], timeout=10)
    assert result.stdout == b"\xff\xfe\0\xc3("
    assert (await neighbour).stdout == b"alive\n"


async def test_huge_output_is_cut_on_each_stream_and_still_has_a_status(powers: SshPowers) -> None:
    script = "head -c 20000000 /dev/zero; head -c 3000000 /dev/zero >&2; exit 7"
    result = await powers.host_runner("node01").run(["sh", "-c", script], timeout=30, limit=1000)
    assert (result.state, result.exit_status, result.truncated) == ("failed", 7, True)
    assert (len(result.stdout), len(result.stderr)) == (1000, 1000)


async def test_input_reaches_the_command_whole(powers: SshPowers) -> None:
    data = bytes(range(256)) * 20_000
    result = await powers.host_runner("node01").run(["cat"], timeout=30, stdin=data)
    assert (result.state, result.stdout == data, result.truncated) == ("ok", True, False)


async def test_a_command_that_ignores_its_input_does_not_hang(powers: SshPowers) -> None:
    async with asyncio.timeout(10):
        result = await powers.host_runner("node01").run(["true"], timeout=9, stdin=b"x" * 10_000_000)
    assert result.state == "ok"


async def test_without_input_a_command_reads_nothing(powers: SshPowers) -> None:
    result = await powers.host_runner("node01").run(["cat"], timeout=10)
    assert (result.state, result.stdout) == ("ok", b"")


async def test_one_connection_serves_many_commands(powers: SshPowers, server: SshServer) -> None:
    before = server.logins("nodes")
    runner = powers.host_runner("node01")
    results = [await runner.run(["true"], timeout=10) for _ in range(10)]
    assert {result.state for result in results} == {"ok"}
    assert server.logins("nodes") == before + 1


async def test_two_hundred_commands_at_once_keep_to_the_sessions_of_a_host(
    powers: SshPowers, server: SshServer, tmp_path: Path
) -> None:
    before = server.logins("nodes")
    script = f"cd {tmp_path}; echo 1 >> steps; sleep 0.05; echo -1 >> steps"
    runner = powers.host_runner("node01")
    results = await asyncio.gather(*(runner.run(["sh", "-c", script], timeout=60) for _ in range(200)))
    assert [result.state for result in results] == ["ok"] * 200
    running = list(accumulate(map(int, (tmp_path / "steps").read_text().split())))
    assert (len(running), running[-1]) == (400, 0)
    assert 1 < max(running) <= 8
    assert server.logins("nodes") == before + 1


async def test_commands_that_never_end_do_not_take_a_host_away(server: SshServer) -> None:
    powers = SshPowers(server.options(sessions_per_host=12))
    runner = powers.host_runner("node01")
    await runner.run(["true"], timeout=10)
    stuck = ["sh", "-c", "trap '' TERM HUP PIPE; exec sleep 6"]  # as nvidia-smi is, when the driver hangs
    results = await asyncio.gather(*(runner.run(stuck, timeout=1.5) for _ in range(12)))
    assert [result.state for result in results] == ["unknown"] * 12, "ten sessions of the first link and two of another"
    assert (await runner.run(["echo", "alive"], timeout=5)).stdout == b"alive\n"
    (await powers.open_shell("node01", term="xterm", columns=80, rows=24)).close()
    await powers.close()


async def test_links_to_a_host_are_bounded_and_what_finds_no_room_was_not_sent(
    server: SshServer, tmp_path: Path
) -> None:
    before = server.logins("nodes")
    powers = SshPowers(server.options(sessions_per_host=34))
    runner = powers.host_runner("node01")
    script = f"echo ran >> {tmp_path}/mark; sleep 3"
    results = await asyncio.gather(*(runner.run(["sh", "-c", script], timeout=30) for _ in range(34)))
    states = [result.state for result in results]
    assert (states.count("ok"), states.count("not_sent")) == (30, 4)
    assert (tmp_path / "mark").read_text() == "ran\n" * 30
    assert server.logins("nodes") == before + 3
    refused = next(result.detail for result in results if result.state == "not_sent")
    assert refused.startswith("node01 starts no command")
    assert "MaxSessions" in refused
    assert (await runner.run(["true"], timeout=10)).state == "ok", "as soon as there is room again"
    await powers.close()


async def test_a_command_that_leaves_something_behind_has_its_own_status(powers: SshPowers, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    script = f"(sleep 1.2; echo left >> {mark}) & exit 4"
    result = await powers.host_runner("node01").run(["sh", "-c", script], timeout=0.8)
    assert (result.state, result.exit_status) == ("failed", 4)
    async with asyncio.timeout(10):
        while not mark.exists():  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.02)


async def test_waiting_for_a_session_is_bounded_too(server: SshServer) -> None:
    powers = SshPowers(server.options(sessions_per_host=1))
    runner = powers.host_runner("node01")
    await runner.run(["true"], timeout=10)
    first = asyncio.create_task(runner.run(["sleep", "1.5"], timeout=10))
    await asyncio.sleep(0)
    second = await runner.run(["true"], timeout=0.5)
    assert (second.state, (await first).state) == ("not_sent", "ok")
    assert "1 sessions on node01 left no room" in second.detail
    await powers.close()


async def test_nodes_behind_a_bastion_share_one_connection_to_it(powers: SshPowers, server: SshServer) -> None:
    before = server.logins("bastion")
    runs = (powers.host_runner(host).run(["echo", host], timeout=20) for host in BEHIND)
    results = await asyncio.gather(*runs)
    assert [result.stdout.decode().strip() for result in results] == list(BEHIND)
    assert server.logins("bastion") == before + 1


async def test_connections_are_opened_anew_after_closing(powers: SshPowers, server: SshServer) -> None:
    runner = powers.host_runner("inner01")
    assert (await runner.run(["true"], timeout=10)).state == "ok"
    await powers.close()
    await powers.close()
    assert (await powers.host_runner("inner01").run(["true"], timeout=10)).state == "ok"


@pytest.mark.parametrize("name", ["", "-oProxyCommand=id", "a b", "node01;id", "gpu[1-2]", "é"])
def test_hosts_that_are_no_names_are_refused(server: SshServer, name: str) -> None:
    with pytest.raises(BadIdentifier):
        SshPowers(server.options()).host_runner(name)
