"""Shells over SSH on a real server: bytes both ways, sizes, ends, and None when the link was lost."""

from __future__ import annotations

import asyncio

import pytest

from crashcart.backends.contract import HostCommands, ShellOpener, Terminal
from crashcart.backends.errors import BadIdentifier, Denied, Unreachable
from crashcart.backends.ssh.powers import SshPowers
from tests.integration.fault_proxy import FaultProxy
from tests.integration.ssh_server import SshServer

pytestmark = pytest.mark.real


async def opened(powers: SshPowers, host: str = "node01") -> Terminal:
    """A terminal with a plain shell in it that shows no prompt and echoes nothing."""
    terminal = await powers.open_shell(host, term="xterm-256color", columns=90, rows=30)
    terminal.write(b"exec sh\n")
    terminal.write(b"PS1= PS2=; stty -echo; echo RE''ADY\n")
    await shows(terminal, b"READY")
    return terminal


async def shows(terminal: Terminal, wanted: bytes) -> bytes:
    """Read until `wanted` is on the screen."""
    seen = b""
    async with asyncio.timeout(10):
        while wanted not in seen:
            data = await terminal.read()
            assert data, f"ended before {wanted!r} was shown: {seen!r}"
            seen += data
    return seen


async def reads_to_the_end(terminal: Terminal) -> None:
    async with asyncio.timeout(10):
        while await terminal.read():
            pass


def test_the_powers_offer_shells_and_commands(server: SshServer) -> None:
    powers = SshPowers(server.options())
    assert isinstance(powers, ShellOpener)
    assert isinstance(powers, HostCommands)


async def test_what_is_typed_goes_in_and_what_is_shown_comes_back(powers: SshPowers) -> None:
    terminal = await opened(powers)
    terminal.write(b"echo $TERM; tty\n")
    assert b"xterm-256color" in await shows(terminal, b"/dev/pts/")
    terminal.close()


async def test_the_shell_knows_its_size_and_each_new_one(powers: SshPowers) -> None:
    terminal = await opened(powers)
    terminal.write(b"stty size\n")
    await shows(terminal, b"30 90")
    terminal.write(b"trap 'stty size' WINCH; echo SET\n")
    await shows(terminal, b"SET")
    terminal.resize(132, 50)
    terminal.write(b"\n")
    await shows(terminal, b"50 132")
    terminal.close()


@pytest.mark.parametrize(("typed", "status"), [(b"exit 0\n", 0), (b"exit 7\n", 7), (b"kill -HUP $$\n", 129)])
async def test_a_shell_that_ends_has_a_status(powers: SshPowers, typed: bytes, status: int) -> None:
    terminal = await opened(powers)
    terminal.write(typed)
    await reads_to_the_end(terminal)
    assert await terminal.wait() == status
    terminal.write(b"too late")
    terminal.resize(1, 1)
    terminal.close()
    terminal.close()


@pytest.mark.parametrize("fault", ["fin", "rst", "freeze", "garbage"])
async def test_a_shell_whose_link_is_lost_has_no_status(powers: SshPowers, proxy: FaultProxy, fault: str) -> None:
    terminal = await opened(powers, "frail")
    getattr(proxy, fault)()
    await reads_to_the_end(terminal)
    assert await terminal.wait() is None
    terminal.close()


async def test_an_interrupt_stops_a_flood(powers: SshPowers) -> None:
    terminal = await opened(powers)
    terminal.write(b"yes\n")
    await shows(terminal, b"y\r\ny\r\n")
    terminal.write(b"\x03")
    terminal.write(b"echo STOP''PED\n")
    await shows(terminal, b"STOPPED")
    terminal.close()


async def test_bytes_that_are_no_text_pass(powers: SshPowers) -> None:
    terminal = await opened(powers)
    terminal.write(b"printf '\\377\\376<\\033]0;x\\007>'\n")
    assert b"\xff\xfe<\x1b]0;x\x07>" in await shows(terminal, b">")
    terminal.close()


async def test_closing_hangs_up_the_shell(powers: SshPowers) -> None:
    terminal = await opened(powers)
    terminal.write(b"echo PID=$$.\n")
    pid = (await shows(terminal, b".")).split(b"PID=")[1].split(b".")[0].decode()
    terminal.close()
    probe = powers.host_runner("node01")
    async with asyncio.timeout(10):
        while True:
            if (await probe.run(["test", "-d", f"/proc/{pid}"], timeout=5)).state == "failed":
                break


async def test_a_closed_shell_makes_room_for_the_next(server: SshServer) -> None:
    powers = SshPowers(server.options(sessions_per_host=1))
    for _ in range(3):
        async with asyncio.timeout(10):
            (await opened(powers)).close()
    await powers.close()


async def test_a_server_that_gives_no_terminal_is_denied_and_leaves_room(server: SshServer) -> None:
    powers = SshPowers(server.options(sessions_per_host=1))
    for _ in range(2):
        async with asyncio.timeout(10):
            with pytest.raises(Denied, match="PermitTTY"):
                await powers.open_shell("bastion", term="xterm", columns=80, rows=24)
    await powers.close()


async def test_a_shell_behind_a_bastion_opens(powers: SshPowers) -> None:
    (await opened(powers, "inner01")).close()


async def test_a_shell_on_a_link_that_was_lost_while_idle_opens_on_a_new_one(
    powers: SshPowers, proxy: FaultProxy
) -> None:
    await powers.host_runner("frail").run(["true"], timeout=10)
    proxy.rst()
    (await opened(powers, "frail")).close()
    assert proxy.connections == 2


async def test_a_shell_on_a_closed_port_is_unreachable(server: SshServer) -> None:
    powers = SshPowers(server.options(port=server.closed_port))
    with pytest.raises(Unreachable):
        await powers.open_shell("node01", term="xterm", columns=80, rows=24)
    await powers.close()


async def test_a_host_that_is_no_name_gets_no_shell(powers: SshPowers) -> None:
    with pytest.raises(BadIdentifier):
        await powers.open_shell("-oProxyCommand=id", term="xterm", columns=80, rows=24)
