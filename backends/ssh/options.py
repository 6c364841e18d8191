"""The table `[cluster.NAME.ssh]`: everything an operator's own ssh_config does not already say."""

from __future__ import annotations

import msgspec

_BOUNDS = {
    "connect_timeout_seconds": (0.1, 120.0),
    "login_timeout_seconds": (0.1, 120.0),
    "keepalive_seconds": (0.1, 300.0),
    "keepalive_count": (1, 100),
    "max_connects": (1, 256),
    "sessions_per_host": (1, 256),
    "port": (1, 65535),
}


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How to log in. Paths may begin with `~`; what is left out comes from ssh_config or its defaults.

    `config` is an ssh_config file (default: `~/.ssh/config` where there is one), `known_hosts` replaces its
    UserKnownHostsFile for all machines. `user`, `port` and `identity` are for the nodes, not for the jump hosts before
    them. A silent link is given up after `keepalive_seconds` times `keepalive_count` + 1. Times are seconds.
    """

    config: str | None = None
    known_hosts: str | None = None
    user: str | None = None
    port: int | None = None
    identity: str | None = None
    connect_timeout_seconds: float = 5.0
    login_timeout_seconds: float = 10.0
    keepalive_seconds: float = 5.0
    keepalive_count: int = 2
    max_connects: int = 16  # connections being opened at the same time
    sessions_per_host: int = 8  # below OpenSSH's MaxSessions, which is 10 unless a site raises it

    def __post_init__(self) -> None:
        for name, (least, most) in _BOUNDS.items():
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                raise ValueError(f"{name}: between {least} and {most}")
        for name in ("config", "known_hosts", "user", "identity"):
            if getattr(self, name) == "":
                raise ValueError(f"{name}: leave it out rather than empty")
