"""Which keys are offered to a machine, chosen as OpenSSH does from files, certificates and the agent.

asyncssh by itself fails where `ssh` logs in: when a key of ssh_config is not there, is the public half of one in the
agent, or is encrypted and in the agent while `IdentitiesOnly` is set. So the choice is made here.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import asyncssh

AGENT_SECONDS = 3.0
_USUAL = ("id_ed25519", "id_ed25519_sk", "id_ecdsa", "id_ecdsa_sk", "id_rsa")


class Wanted(NamedTuple):
    """What ssh_config and our table ask for; no `files` means the usual ones. `only`: no other keys of the agent."""

    files: tuple[str, ...] = ()
    certificates: tuple[str, ...] = ()
    only: bool = False
    agent: str | None = None


class _Loaded(NamedTuple):
    pairs: list[asyncssh.SSHKeyPair]  # what can be signed with here
    names: list[bytes]  # public data of all that was asked for, first wanted first
    certificates: dict[bytes, asyncssh.SSHCertificate]  # by the public data of their key


@asynccontextmanager
async def offered(wanted: Wanted) -> AsyncIterator[list[asyncssh.SSHKeyPair]]:
    """Key pairs in the order in which to offer them; the agent is there to sign as long as the context lasts."""
    loaded = await asyncio.to_thread(_load, wanted)
    agent = await _agent(wanted.agent)
    if agent is None:
        yield loaded.pairs
        return
    try:
        yield [*await _held(agent, loaded, wanted.only), *loaded.pairs]
    finally:
        agent.close()


async def _agent(path: str | None) -> asyncssh.SSHAgentClient | None:
    """The agent, where one answers. Without one there are the files."""
    if not path:
        return None
    try:
        async with asyncio.timeout(AGENT_SECONDS):
            return await asyncssh.connect_agent(path)
    except (OSError, asyncssh.Error):
        return None


async def _held(agent: asyncssh.SSHAgentClient, loaded: _Loaded, only: bool) -> list[asyncssh.SSHKeyPair]:
    """Keys in the agent, those first that were asked for: a server hangs up after a few wrong ones."""
    try:
        async with asyncio.timeout(AGENT_SECONDS):
            plain, certified = await agent.get_keys(), await agent.get_keys()
    except (OSError, ValueError):
        return []
    there = {pair.public_data for pair in plain}
    pairs: list[asyncssh.SSHKeyPair] = []
    for pair in certified:
        certificate = loaded.certificates.get(pair.public_data)
        if certificate is not None and certificate.public_data not in there:
            pair.set_certificate(certificate)
            pairs.append(pair)
    rank = {name: place for place, name in enumerate(loaded.names)}
    named = sorted((pair for pair in plain if pair.public_data in rank), key=lambda pair: rank[pair.public_data])
    others = [] if only else [pair for pair in plain if pair.public_data not in rank]
    return [*pairs, *named, *others]


def _load(wanted: Wanted) -> _Loaded:
    files = [Path(name).expanduser() for name in wanted.files]
    if not files:
        files = [Path("~/.ssh", name).expanduser() for name in _USUAL]
    certificates = list(_certificates([Path(name).expanduser() for name in wanted.certificates]))
    names = [certificate.public_data for certificate in certificates]
    by_key = {certificate.key.public_data: certificate for certificate in certificates}
    pairs: list[asyncssh.SSHKeyPair] = []
    for file in files:
        for certificate in _certificates([file, Path(f"{file}-cert.pub")]):
            names.append(certificate.public_data)
            by_key.setdefault(certificate.key.public_data, certificate)
        names += _public(file)
        with contextlib.suppress(OSError):  # not there or not for us, which OpenSSH passes over too
            pairs += asyncssh.load_keypairs([str(file)], certlist=certificates, skip_public=True, ignore_encrypted=True)
    return _Loaded(pairs, names, by_key)


def _certificates(files: Sequence[Path]) -> Iterator[asyncssh.SSHCertificate]:
    for file in files:
        try:
            yield asyncssh.read_certificate(str(file))
        except (OSError, ValueError):  # a key, or not there
            continue


def _public(file: Path) -> Iterator[bytes]:
    for name in (f"{file}.pub", str(file)):
        try:
            yield asyncssh.read_public_key(name).public_data
        except (OSError, ValueError):  # a private key in an old format, or not there
            continue


def agent_path(configured: object) -> str | None:
    """The socket of the agent: IdentityAgent of ssh_config (`None` switches it off), else that of the environment."""
    if configured is None:
        return None
    if isinstance(configured, str):
        return os.environ.get(configured.removeprefix("$"), str(Path(configured).expanduser()))
    return os.environ.get("SSH_AUTH_SOCK")
