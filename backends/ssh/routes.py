"""From a host's name to the machines on the way, as ssh_config says it: jump hosts first, the host last.

asyncssh opens a jump host anew for every target and gives it no known_hosts but its own default. So the way is worked
out here, as OpenSSH does it, and the pool walks it over connections that are shared and checked alike.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import asyncssh

from crashcart.backends.errors import BackendError, Denied
from crashcart.backends.text import clean, node_name, user_name

from .identities import Wanted, agent_path
from .options import Options

FURTHEST = 8
_USUAL_TRUST = ("~/.ssh/known_hosts", "~/.ssh/known_hosts2", "/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")


class Stop(NamedTuple):
    """One machine on the way, by the name that ssh_config knows."""

    host: str
    user: str | None = None
    port: int | None = None
    identity: str | None = None


Route = tuple[Stop, ...]


class Configured(NamedTuple):
    """What ssh_config says about a stop. `known_hosts` None: it asks for no check at all."""

    jump: str | None
    known_hosts: list[str] | None
    wanted: Wanted


def config_files(options: Options) -> list[str]:
    """The ssh_config to read. Raises Denied when the one that was asked for is missing."""
    path = Path(options.config or "~/.ssh/config").expanduser()
    if path.is_file():
        return [str(path)]
    if options.config is not None:
        raise Denied(f"ssh config {path} does not exist; correct `config` of the ssh table")
    return []


async def configured(stop: Stop, options: Options) -> Configured:
    """Read ssh_config for one stop; no keys are loaded. Raises what asyncssh raises for a file it cannot read."""
    said = await asyncssh.SSHClientConnectionOptions.construct(
        config=config_files(options) or None,
        host=stop.host,
        username=stop.user or (),
        port=stop.port or (),
        client_keys=None,
    )
    jump = said.tunnel if isinstance(said.tunnel, str) else None
    files = said.known_hosts
    trusted = None if files is None else [str(file) for file in files if isinstance(file, str)]
    return Configured(jump, trusted, _wanted(stop, said.config.get))


def _wanted(stop: Stop, said: Callable[[str, object], object]) -> Wanted:
    only, agent = bool(said("IdentitiesOnly", False)), agent_path(said("IdentityAgent", ()))
    if stop.identity is not None:  # its certificate lies beside it; those of ssh_config belong to other keys
        with Path(stop.identity).expanduser().open("rb"):
            return Wanted((stop.identity,), (), only, agent)
    return Wanted(_strings(said("IdentityFile", ())), _strings(said("CertificateFile", ())), only, agent)


def _strings(values: object) -> tuple[str, ...]:
    return tuple(value for value in values if isinstance(value, str)) if isinstance(values, list) else ()


def trusted_files(stop: Stop, options: Options, said: Configured) -> list[str]:
    """The known_hosts files to check a stop's key against. Raises Denied when there is none: it is always checked."""
    if options.known_hosts is not None:
        path = Path(options.known_hosts).expanduser()
        if not path.is_file():
            raise Denied(f"{stop.host}: known_hosts {path} does not exist; correct `known_hosts` of the ssh table")
        return [str(path)]
    if said.known_hosts is None:
        raise Denied(
            f"{stop.host}: ssh_config says UserKnownHostsFile none, and host keys are always checked; name a file"
        )
    paths = [Path(name).expanduser() for name in said.known_hosts or _USUAL_TRUST]
    present = [str(path) for path in paths if path.is_file()]
    if not present:
        raise Denied(f"{stop.host}: no host key can be checked, there is no {' or '.join(map(str, paths))}")
    return present


async def route_to(host: str, options: Options) -> Route:
    """The way to `host`. Raises Denied for a way that goes round in circles."""
    target = Stop(node_name(host), options.user, options.port, options.identity)
    return await _extended(target, options, ())


async def _extended(stop: Stop, options: Options, above: tuple[str, ...]) -> Route:
    if stop.host in above or len(above) > FURTHEST:
        raise Denied(f"ProxyJump goes round in circles: {' -> '.join((*above, stop.host))}; correct ssh_config")
    jump = (await configured(stop, options)).jump
    hops = [_hop(text, stop.host) for text in jump.split(",")] if jump else []
    if any(hop.host == stop.host for hop in hops):
        hops = []  # `Host *` with ProxyJump matches the jump host too; OpenSSH does not jump to itself either
    if not hops:
        return (stop,)
    return (*await _extended(hops[0], options, (*above, stop.host)), *hops[1:], stop)


def _hop(text: str, host: str) -> Stop:
    user, at, place = text.strip().removeprefix("ssh://").rpartition("@")
    name, colon, port = place.partition(":")
    try:
        if colon and not (port.isascii() and port.isdecimal()):
            raise Denied(f"{clean(port, limit=20)!r} is not a port")
        return Stop(node_name(name), user_name(user) if at else None, int(port) if colon else None)
    except BackendError as error:
        raise Denied(f"{host}: ProxyJump {clean(text, limit=120)!r} in ssh_config: {error}") from error
