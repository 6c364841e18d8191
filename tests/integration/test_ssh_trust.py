"""Who is let in and whom we believe: host keys are always checked, and each refusal says the next step."""

from __future__ import annotations

import asyncio
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from crashcart.backends.contract import CommandResult
from crashcart.backends.errors import Denied, Unreachable
from crashcart.backends.ssh.powers import SshPowers
from tests.integration.fault_proxy import FaultProxy
from tests.integration.ssh_server import SshServer

pytestmark = pytest.mark.real


async def runs(server: SshServer, host: str, argv: tuple[str, ...] = ("true",), **changes: Any) -> CommandResult:
    powers = SshPowers(server.options(**changes))
    try:
        return await powers.host_runner(host).run(argv, timeout=10)
    finally:
        await powers.close()


async def is_denied(server: SshServer, host: str, said: str, **changes: Any) -> None:
    before = server.logins("nodes")
    with pytest.raises(Denied) as refused:
        await runs(server, host, **changes)
    assert said in str(refused.value)
    assert server.logins("nodes") == before, "nobody may have logged in"


async def test_a_host_certificate_of_another_authority_is_refused(server: SshServer, tmp_path: Path) -> None:
    other = tmp_path / "known_hosts"
    other.write_text(f"@cert-authority * {(server.home / 'other_ca.pub').read_text()}")
    await is_denied(server, "node01", f"then add its key or CA to {other}", known_hosts=str(other))


async def test_a_revoked_authority_is_refused(server: SshServer, tmp_path: Path) -> None:
    authority = (server.home / "host_ca.pub").read_text()
    revoked = tmp_path / "known_hosts"
    revoked.write_text(f"@cert-authority * {authority}@revoked * {authority}")
    await is_denied(server, "node01", "revoked", known_hosts=str(revoked))


async def test_a_host_that_is_not_known_is_refused(server: SshServer, tmp_path: Path) -> None:
    (tmp_path / "known_hosts").touch()
    await is_denied(server, "node01", "is not trusted", known_hosts=str(tmp_path / "known_hosts"))


async def test_a_host_with_another_hosts_certificate_is_refused(server: SshServer) -> None:
    config = server.config_with({}, more="Host impostor\n  HostKeyAlias gpu-99\n")
    await is_denied(server, "impostor", "principal", config=config)


async def test_ssh_config_cannot_switch_the_check_off(server: SshServer) -> None:
    config = server.config_with({}, more="Host *\n  UserKnownHostsFile none\n  StrictHostKeyChecking no\n")
    await is_denied(server, "node01", "host keys are always checked", config=config)


async def test_the_jump_hosts_key_is_checked_as_well(server: SshServer, tmp_path: Path) -> None:
    before = server.logins("bastion")
    (tmp_path / "known_hosts").touch()
    await is_denied(server, "inner01", "bastion: Host", known_hosts=str(tmp_path / "known_hosts"))
    assert server.logins("bastion") == before


async def test_an_expired_certificate_is_refused(server: SshServer) -> None:
    server.key("expired", validity="-2h:-1h")
    await is_denied(server, "node01", "ssh-keygen -L", config=server.config_with({}, key="expired"))


async def test_a_certificate_for_another_user_is_refused(server: SshServer) -> None:
    server.key("stranger", principals="somebody-else")
    await is_denied(server, "node01", "refused the login", config=server.config_with({}, key="stranger"))


async def test_a_certificate_of_another_authority_is_refused(server: SshServer) -> None:
    server.key("forged", authority="other_ca")
    await is_denied(server, "node01", "try `ssh node01`", config=server.config_with({}, key="forged"))


async def test_a_certificate_without_forwarding_does_not_pass_the_bastion(server: SshServer) -> None:
    server.key("still", only="permit-pty")
    config = server.config_with({}, key="still")
    await is_denied(server, "inner01", "permit-port-forwarding", config=config)
    assert (await runs(server, "node01", config=config)).state == "ok"


async def test_missing_files_are_named(server: SshServer, tmp_path: Path) -> None:
    gone = str(tmp_path / "gone")
    await is_denied(server, "node01", f"known_hosts {gone} does not exist", known_hosts=gone)
    await is_denied(server, "node01", f"ssh config {gone} does not exist", config=gone)
    await is_denied(server, "node01", f"{gone}: No such file", identity=gone)
    await is_denied(server, "node01", gone, config=server.config_with({}, more=f"UserKnownHostsFile {gone}\n"))


async def test_a_broken_ssh_config_is_named_with_its_line(server: SshServer) -> None:
    config = server.config_with({}, more="Port many\n")
    await is_denied(server, "node01", f"{config} line 1", config=config)


@pytest.mark.parametrize("more", ["Host node01\n  Port 99999\n", "Host node01\n  ProxyJump bastion:99999\n"])
async def test_a_port_that_does_not_exist_is_named(server: SshServer, more: str) -> None:
    await is_denied(server, "node01", "port must be 0-65535", config=server.config_with({}, more=more))


async def test_an_ssh_config_that_includes_itself_is_named(server: SshServer, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(f"Include {config}\n")
    await is_denied(server, "node01", "includes itself without end", config=str(config))


async def test_jumps_that_go_round_in_circles_are_refused(server: SshServer) -> None:
    config = server.config_with({}, more="Host node01\n  ProxyJump node02\nHost node02\n  ProxyJump node01\n")
    await is_denied(server, "node01", "node01 -> node02 -> node01", config=config)


@pytest.mark.parametrize("jump", ["-oProxyCommand=id", "bastion:many", "a b@bastion", "x\x1b[31m"])
async def test_jump_hosts_that_are_no_names_are_refused(server: SshServer, jump: str) -> None:
    config = server.config_with({}, more=f'Host node01\n  ProxyJump "{jump}"\n')
    await is_denied(server, "node01", "ProxyJump", config=config)


async def test_a_jump_host_does_not_jump_to_itself(server: SshServer) -> None:
    config = server.config_with({}, more="Host *\n  ProxyJump bastion\n")
    assert (await runs(server, "node01", config=config)).state == "ok"


async def test_jumps_may_be_chained(server: SshServer) -> None:
    before = server.logins("nodes"), server.logins("bastion")
    more = f"Host node01\n  ProxyJump {server.user}@bastion:{server.bastion_port},node02\n"
    assert (await runs(server, "node01", config=server.config_with({}, more=more))).state == "ok"
    assert (server.logins("nodes"), server.logins("bastion")) == (before[0] + 2, before[1] + 1)


async def test_the_table_overrides_user_port_and_key(server: SshServer) -> None:
    key = server.key("second")
    config = server.config_with({}, key="nowhere", more="Host node01\n  User nobody-here\n  Port 1\n")
    given: dict[str, Any] = {"user": server.user, "port": server.node_port, "identity": str(key)}
    assert (await runs(server, "node01", config=config, **given)).state == "ok"


async def test_a_closed_port_is_unreachable(server: SshServer) -> None:
    with pytest.raises(Unreachable, match="refuses connections; is sshd running"):
        await runs(server, "node01", port=server.closed_port)


async def test_a_name_that_does_not_resolve_is_unreachable(server: SshServer) -> None:
    config = server.config_with({}, more="Host ghost\n  HostName no-such-host.invalid\n")
    with pytest.raises(Unreachable, match="no name that resolves"):
        await runs(server, "ghost", config=config)


async def test_a_name_that_no_resolver_takes_is_unreachable(server: SshServer) -> None:
    config = server.config_with({}, more=f"Host ghost\n  HostName {'x' * 64}\n")
    with pytest.raises(Unreachable, match="no name that resolves"):
        await runs(server, "ghost", config=config)


async def test_a_node_that_the_bastion_cannot_reach_is_unreachable(server: SshServer) -> None:
    with pytest.raises(Unreachable, match=r"inner01 \(through bastion\): bastion cannot connect to it"):
        await runs(server, "inner01", port=server.closed_port)


async def test_a_host_that_drops_packets_is_unreachable_in_time(server: SshServer) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for link in waiting:
            link.setblocking(False)
            link.connect_ex(("127.0.0.1", port))
        begun = time.monotonic()
        with pytest.raises(Unreachable, match="does not answer"):
            await runs(server, "node01", port=port, connect_timeout_seconds=0.5)
        assert time.monotonic() - begun < 5
        for link in waiting:
            link.close()


async def test_a_host_that_accepts_and_says_nothing_is_tried_once_for_all_who_wait(
    server: SshServer, proxy: FaultProxy
) -> None:
    proxy.freeze()
    powers = SshPowers(server.options(config=server.config_with({"frail": proxy.port}), login_timeout_seconds=1.0))
    runner = powers.host_runner("frail")
    begun = time.monotonic()
    outcomes = await asyncio.gather(*(runner.run(["true"], timeout=10) for _ in range(30)), return_exceptions=True)
    assert time.monotonic() - begun < 5
    assert {type(outcome) for outcome in outcomes} == {Unreachable}
    assert proxy.connections == 1
    await powers.close()


async def test_a_caller_who_gives_up_leaves_the_attempt_to_the_others(server: SshServer, proxy: FaultProxy) -> None:
    proxy.delay(0.1)
    powers = SshPowers(server.options(config=server.config_with({"frail": proxy.port})))
    runner = powers.host_runner("frail")
    hasty = asyncio.create_task(runner.run(["true"], timeout=0.05))
    patient = asyncio.create_task(runner.run(["true"], timeout=10))
    with pytest.raises(Unreachable, match=r"not reached within 0\.05 s"):
        await hasty
    assert (await patient).state == "ok"
    assert proxy.connections == 1
    await powers.close()


async def test_garbage_instead_of_a_greeting_is_unreachable(server: SshServer) -> None:
    async def web(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n\xff\x1b]52;c;eA==\x07")
        writer.close()

    listener = await asyncio.start_server(web, "127.0.0.1", 0)
    async with listener:
        with pytest.raises(Unreachable) as refused:
            await runs(server, "node01", port=listener.sockets[0].getsockname()[1])
    assert str(refused.value).isprintable()
