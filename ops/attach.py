"""Where a shared collector is: the path of its socket on this machine, or `ssh:HOST` with a path there."""

from __future__ import annotations

import os
from dataclasses import dataclass

from crashcart.backends.errors import BadIdentifier
from crashcart.backends.text import clean, node_name

DEFAULT_SOCKET = "/run/crashcart/collector.sock"
PATH_LIMIT = 103
"""Bytes; sockaddr_un holds 108 on Linux, 104 elsewhere, with a zero at the end."""

_SSH = "ssh:"


@dataclass(frozen=True, slots=True)
class Address:
    """`host` None is this machine."""

    host: str | None
    path: str

    def __str__(self) -> str:
        return self.path if self.host is None else f"{_SSH}{self.host}:{self.path}"


def parse_address(text: str) -> Address:
    """`PATH`, `ssh:HOST` or `ssh:HOST:PATH`. Raises ValueError with what is wrong."""
    if not text.startswith(_SSH):
        return Address(None, socket_path(os.path.expanduser(text)))  # noqa: PTH111 - a Path would drop a final slash
    host, colon, path = text.removeprefix(_SSH).partition(":")
    try:
        return Address(node_name(host), socket_path(path) if colon else DEFAULT_SOCKET)
    except BadIdentifier as error:
        raise ValueError(f"{clean(text, limit=120)}: {error}; write ssh:HOST or ssh:HOST:/PATH") from error


def socket_path(path: str) -> str:
    """The path, if a socket can be there. Raises ValueError."""
    if not path.startswith("/") or path.endswith("/") or "\0" in path:
        raise ValueError(f"{clean(path, limit=120)!r} is not the full path of a socket, e.g. {DEFAULT_SOCKET}")
    if len(os.fsencode(path)) > PATH_LIMIT:
        raise ValueError(
            f"{clean(path, limit=120)} is longer than {PATH_LIMIT} bytes, which is all a socket's path can be"
        )
    return path
