"""Says in an operator's words why a machine could not be reached, and what to do next."""

from __future__ import annotations

import socket

import asyncssh

from crashcart.backends.errors import BackendError, Denied, Unreachable, Unsupported
from crashcart.backends.text import clean

from .routes import Route

Failure = asyncssh.Error | OSError | ValueError | OverflowError | RecursionError
FAILURES = (asyncssh.Error, OSError, ValueError, OverflowError, RecursionError)
"""All that asyncssh raises while it connects. ValueError is an unreadable key or ssh_config, OverflowError a port over
65535 in it, RecursionError a file that includes itself."""


def explained(route: Route, failure: Failure, trusted: list[str]) -> BackendError:
    """The error of the contract for a failed connection to the last stop of `route`."""
    stop = route[-1]
    place = stop.host if len(route) == 1 else f"{stop.host} (through {', '.join(one.host for one in route[:-1])})"
    said = clean(str(failure) or type(failure).__name__, limit=300)
    match failure:
        case asyncssh.HostKeyNotVerifiable():
            files = " or ".join(trusted)
            return Denied(f"{place}: {said}; make sure it is the right machine, then add its key or CA to {files}")
        case asyncssh.PermissionDenied() | asyncssh.IllegalUserName():
            user = f" as {stop.user}" if stop.user else ""
            return Denied(
                f"{place} refused the login{user}: {said}; try `ssh {stop.host}`, see your keys with `ssh-add -l`, a "
                "certificate's names and end with `ssh-keygen -L -f FILE`"
            )
        case asyncssh.KeyExchangeFailed() | asyncssh.ProtocolNotSupported():
            return Unsupported(f"{place} and we share no protocol: {said}; update its SSH server")
        case asyncssh.ChannelOpenError():
            return _not_forwarded(place, route, failure, said)
        case asyncssh.Error() if "Too many authentication failures" in said:
            return Denied(
                f"{place} refused the login after too many keys; name the right one in ssh_config, with IdentityFile "
                "and IdentitiesOnly"
            )
        case asyncssh.Error():
            return Unreachable(f"{place}: the link was lost while logging in: {said}")
        case ValueError() | OverflowError() | RecursionError():
            return _unusable(place, failure, said)
        case _:
            return _no_link(place, failure, said)


def _not_forwarded(place: str, route: Route, failure: asyncssh.ChannelOpenError, said: str) -> BackendError:
    bastion = route[-2].host if len(route) > 1 else "the jump host"
    if failure.code == asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED:
        return Denied(
            f"{place}: {bastion} forwards nothing: {said}; a certificate needs permit-port-forwarding, the server "
            "AllowTcpForwarding"
        )
    return Unreachable(f"{place}: {bastion} cannot connect to it: {said}")


def _unusable(place: str, failure: ValueError | OverflowError | RecursionError, said: str) -> BackendError:
    if isinstance(failure, UnicodeError):
        return Unreachable(f"{place} is no name that resolves: {said}; correct HostName in ssh_config")
    if isinstance(failure, RecursionError):
        return Denied(f"{place}: ssh_config includes itself without end; correct its Include lines")
    return Denied(f"{place}: a key or ssh_config cannot be used: {said}")


def _no_link(place: str, failure: OSError, said: str) -> BackendError:
    if isinstance(failure, FileNotFoundError | PermissionError | IsADirectoryError) and failure.filename:
        path = clean(str(failure.filename), limit=300)
        return Denied(f"{place}: {path}: {failure.strerror}; correct the ssh table or ssh_config")
    if isinstance(failure, socket.gaierror):
        return Unreachable(f"{place} is no name that resolves: {failure.strerror}; does `ssh {place}` work here?")
    if isinstance(failure, TimeoutError):
        return Unreachable(f"{place} does not answer; is the node up and its port open?")
    if isinstance(failure, ConnectionRefusedError):
        return Unreachable(f"{place} refuses connections; is sshd running there, and on this port?")
    return Unreachable(f"{place}: {failure.strerror or said}")
