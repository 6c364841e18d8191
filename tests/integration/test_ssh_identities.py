"""Whoever can log in with `ssh` can log in here, and nobody else: keys, certificates and the agent."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from crashcart.backends.contract import CommandResult
from crashcart.backends.errors import Denied
from crashcart.backends.ssh.powers import SshPowers
from tests.integration.ssh_server import SshServer, ssh_agent, ssh_server

pytestmark = pytest.mark.real

WORDS = "of the encrypted key"
LOCKED = ("IdentityFile {home}/locked", "CertificateFile {home}/locked-cert.pub")
CASES = {
    "no identity at all": ((), True),
    "nothing but keys of the agent allowed, and none named": (
        ("IdentitiesOnly yes", "IdentityFile {home}/gone"),
        False,
    ),
    "a key that is not there": (("IdentityFile {home}/gone",), True),
    "an encrypted key": (LOCKED[:1], True),
    "an encrypted key, only that": (("IdentitiesOnly yes", *LOCKED[:1]), True),
    "an encrypted key and its certificate, only those": (("IdentitiesOnly yes", *LOCKED), True),
    "the public half": (("IdentityFile {home}/locked.pub",), True),
    "the public half and the certificate, only those": (
        ("IdentitiesOnly yes", "IdentityFile {home}/locked.pub", LOCKED[1]),
        True,
    ),
    "the certificate as the identity, only that": (
        ("IdentitiesOnly yes", "IdentityFile {home}/locked-cert.pub"),
        True,
    ),
    "another key, only that": (("IdentitiesOnly yes", "IdentityFile {home}/bare"), False),
    "another key": (("IdentityFile {home}/bare",), True),
    "no agent": (("IdentityAgent none", *LOCKED), False),
    "an agent that is not there": (("IdentityAgent {home}/gone", *LOCKED), False),
    "the agent of the environment, by name": (("IdentityAgent SSH_AUTH_SOCK",), True),
    "a certificate that is not there": (("IdentityFile {home}/operator", "CertificateFile {home}/gone"), True),
    "a key that is no key, and one that is": (("IdentityFile {home}/junk", "IdentityFile {home}/operator"), True),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    with ssh_server(tmp_path_factory) as running:
        running.key("locked", passphrase=WORDS)
        (running.key("bare").parent / "bare-cert.pub").unlink()
        (running.home / "junk").write_text("no key\n")
        (running.home / "junk").chmod(0o600)
        yield running


@pytest.fixture
def agent(server: SshServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An agent with the encrypted key and its certificate, in the environment."""
    with ssh_agent(server.home / "agent", server.home / "locked", passphrase=WORDS) as path:
        monkeypatch.setenv("SSH_AUTH_SOCK", path)
        yield path


def config_of(server: SshServer, lines: tuple[str, ...]) -> str:
    more = "".join(f"{line.format(home=server.home)}\n" for line in lines)
    return server.config_with({}, key=None, more=more)


async def runs(server: SshServer, config: str, *argv: str, **table: str) -> CommandResult:
    powers = SshPowers(server.options(config=config, **table))
    try:
        return await powers.host_runner("node01").run(argv or ("true",), timeout=10)
    finally:
        await powers.close()


async def lets_us_in(server: SshServer, config: str, **table: str) -> bool:
    try:
        return (await runs(server, config, **table)).state == "ok"
    except Denied as refused:
        assert "refused the login" in str(refused)
        return False


async def lets_ssh_in(config: str) -> bool:
    argv = ["ssh", "-F", config, "-o", "BatchMode=yes", "node01", "true"]
    ran = await asyncio.to_thread(subprocess.run, argv, check=False, capture_output=True, timeout=20)
    return ran.returncode == 0


@pytest.mark.usefixtures("agent")
@pytest.mark.parametrize("case", CASES)
async def test_we_are_let_in_where_ssh_is_and_only_there(server: SshServer, case: str) -> None:
    lines, expected = CASES[case]
    config = config_of(server, lines)
    assert await lets_ssh_in(config) == expected, "the case itself is wrong"
    assert await lets_us_in(server, config) == expected


async def test_a_certificate_on_disk_goes_with_its_key_in_the_agent(
    server: SshServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = server.key("parted").with_name("parted-cert.pub")
    certificate.rename(tmp_path / "cert")
    with ssh_agent(tmp_path / "agent", server.home / "parted") as path:
        monkeypatch.setenv("SSH_AUTH_SOCK", path)
        assert not await lets_us_in(server, config_of(server, ()))
        config = config_of(server, (f"CertificateFile {tmp_path}/cert",))
        assert await lets_ssh_in(config)
        assert await lets_us_in(server, config)


async def test_of_many_keys_in_the_agent_the_one_asked_for_is_offered_first(
    server: SshServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = [server.key(f"other{number}", authority="other_ca") for number in range(4)]  # eight with certificates
    with ssh_agent(tmp_path / "agent", *others, server.key("mine")) as path:
        monkeypatch.setenv("SSH_AUTH_SOCK", path)
        config = config_of(server, ("IdentityFile {home}/mine",))
        assert await lets_ssh_in(config)
        assert await lets_us_in(server, config)
        with pytest.raises(Denied, match="after too many keys; name the right one"):
            await runs(server, config_of(server, ()))


@pytest.mark.usefixtures("agent")
async def test_the_table_may_name_a_key_that_only_the_agent_can_use(server: SshServer) -> None:
    config = config_of(server, ("IdentitiesOnly yes", "IdentityFile {home}/bare"))
    assert not await lets_us_in(server, config)
    assert await lets_us_in(server, config, identity=str(server.home / "locked"))


async def test_an_encrypted_key_without_an_agent_is_refused_with_the_next_step(
    server: SshServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with pytest.raises(Denied, match="ssh-add -l"):
        await runs(server, config_of(server, LOCKED))


async def test_an_agent_that_says_nothing_does_not_stop_a_login_with_a_file(
    server: SshServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    listener = await asyncio.start_unix_server(silent, tmp_path / "agent")
    async with listener:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
        monkeypatch.setattr("crashcart.backends.ssh.identities.AGENT_SECONDS", 0.3)
        assert await lets_us_in(server, server.config)


@pytest.mark.usefixtures("agent")
async def test_the_agent_stays_here(server: SshServer) -> None:
    config = config_of(server, ("ForwardAgent yes",))
    result = await runs(server, config, "printenv", "SSH_AUTH_SOCK")
    assert (result.state, result.exit_status, result.stdout) == ("failed", 1, b"")
