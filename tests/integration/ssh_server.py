"""Real OpenSSH servers on loopback: nodes, and a bastion before some of them, with a CA for hosts and one for users."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from crashcart.backends.ssh.options import Options

SBIN = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
DIRECT = tuple(f"node{number:02d}" for number in range(1, 5))
BEHIND = tuple(f"inner{number:02d}" for number in range(1, 9))
START_SECONDS = 15.0


@contextmanager
def ssh_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    """Servers for one test module; skips where there is no sshd."""
    for name in ("sshd", "ssh-keygen", "setpriv"):
        if shutil.which(name, path=SBIN) is None:
            pytest.skip(f"no SSH server: {name} is not installed")
    server = SshServer(tmp_path_factory.mktemp("ssh"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@contextmanager
def ssh_agent(path: Path, *keys: Path, passphrase: str = "") -> Iterator[str]:
    """An agent that holds these keys; yields its socket."""
    ask = path.with_suffix(".ask")
    ask.write_text(f"#!/bin/sh\necho '{passphrase}'\n")
    ask.chmod(0o700)
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.DEVNULL)
    env = {**os.environ, "SSH_AUTH_SOCK": str(path), "SSH_ASKPASS": str(ask), "SSH_ASKPASS_REQUIRE": "force"}
    null, add = subprocess.DEVNULL, ["ssh-add", "-q", *(str(key) for key in keys)]
    try:
        ends = time.monotonic() + START_SECONDS
        while subprocess.run(add, check=False, env=env, stdin=null, stderr=null).returncode:
            assert time.monotonic() < ends, "no agent"
            time.sleep(0.02)
        yield str(path)
    finally:
        agent.terminate()
        agent.wait(START_SECONDS)


class SshServer:
    """`node01`.. are reached directly, `inner01`.. through `bastion`; all are this machine, told apart by name."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.user = getpass.getuser()
        self.node_port, self.bastion_port, self.closed_port = _free_ports(3)
        self._running: list[subprocess.Popen[bytes]] = []
        for authority in ("user_ca", "host_ca", "other_ca", "host"):
            self._key(authority)
        self._sign("host", "host_ca", ",".join((*DIRECT, *BEHIND, "bastion")), "-5m:+1h", "-h")
        self.key("operator")
        self.known_hosts = home / "known_hosts"
        self.known_hosts.write_text(f"@cert-authority * {(home / 'host_ca.pub').read_text()}")
        self.config = self.config_with({})

    def start(self) -> None:
        """Start both servers and wait until they answer."""
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        self._daemon("nodes", self.node_port, "MaxSessions 10")
        self._daemon("bastion", self.bastion_port, "PermitTTY no")
        ends = time.monotonic() + START_SECONDS
        for port in (self.node_port, self.bastion_port):
            while not _answers(port):
                assert time.monotonic() < ends, (self.home / "nodes.log").read_text()
                time.sleep(0.05)

    def stop(self) -> None:
        """End the servers; sessions end with their connections."""
        for process in self._running:
            process.terminate()
            process.wait(START_SECONDS)

    def key(
        self,
        name: str,
        *,
        principals: str = "",
        authority: str = "user_ca",
        validity: str = "-5m:+1h",
        only: str | None = None,
        passphrase: str = "",
    ) -> Path:
        """A user's key with a certificate beside it; may do all, or `only` that (`permit-pty`)."""
        self._key(name, passphrase)
        rights = () if only is None else ("-O", "clear", "-O", only)
        self._sign(name, authority, principals or self.user, validity, *rights)
        return self.home / name

    def config_with(self, ports: Mapping[str, int], *, key: str | None = "operator", more: str = "") -> str:
        """An ssh_config in which the hosts of `ports` are node01 behind another port; `more` comes before all else."""
        path = self.home / f"config-{len(list(self.home.glob('config-*')))}"
        others = "".join(f"Host {name}\n  Port {port}\n  HostKeyAlias node01\n" for name, port in ports.items())
        own = f"  IdentityFile {self.home / key}\n  CertificateFile {self.home / key}-cert.pub\n" if key else ""
        aliases = "".join(f"Host {name}\n  HostKeyAlias {name}\n" for name in (*DIRECT, *BEHIND))
        path.write_text(
            f"{more}{others}{aliases}"
            f"Host bastion\n  Port {self.bastion_port}\n  HostKeyAlias bastion\n"
            "Host inner*\n  ProxyJump bastion\n"
            f"Host *\n  HostName 127.0.0.1\n  User {self.user}\n  Port {self.node_port}\n"
            f"{own}  UserKnownHostsFile {self.known_hosts}\n"
        )
        return str(path)

    def options(self, **changes: Any) -> Options:
        """The table of the configuration for these servers, with a keepalive that tells within 1.5 s."""
        return Options(**{"config": self.config, "keepalive_seconds": 0.5, "keepalive_count": 2, **changes})

    def logins(self, log: str) -> int:
        """How many connections `nodes` or `bastion` has let in so far."""
        return (self.home / f"{log}.log").read_text().count("Accepted publickey")

    def _daemon(self, name: str, port: int, more: str) -> None:
        config = self.home / f"{name}.conf"
        config.write_text(
            f"Port {port}\nListenAddress 127.0.0.1\nHostKey {self.home / 'host'}\n"
            f"HostCertificate {self.home / 'host'}-cert.pub\nTrustedUserCAKeys {self.home / 'user_ca'}.pub\n"
            f"PidFile {self.home / name}.pid\nAuthorizedKeysFile none\nStrictModes no\nUsePAM no\n"
            f"PasswordAuthentication no\nPermitRootLogin prohibit-password\nMaxStartups 1000\n"
            f"SetEnv HOME={self.home}\n{more}\n"  # the start-up files of whoever runs the tests are not ours to run
        )
        program = shutil.which("sshd", path=SBIN)
        assert program is not None
        with (self.home / f"{name}.log").open("ab") as log:
            argv = ["setpriv", "--pdeathsig=TERM", program, "-D", "-e", "-f", str(config)]
            self._running.append(subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log))

    def _key(self, name: str, passphrase: str = "") -> None:
        _keygen("-t", "ed25519", "-N", passphrase, "-C", name, "-f", str(self.home / name))

    def _sign(self, name: str, authority: str, names: str, validity: str, *more: str) -> None:
        key = f"{self.home / name}.pub"
        _keygen("-s", str(self.home / authority), "-I", name, "-n", names, "-V", validity, *more, key)


def _keygen(*arguments: str) -> None:
    subprocess.run(["ssh-keygen", "-q", *arguments], check=True, stdin=subprocess.DEVNULL)


def _free_ports(count: int) -> list[int]:
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1.0) as link:
            return link.recv(4) == b"SSH-"
    except OSError:
        return False
