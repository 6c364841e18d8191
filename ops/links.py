"""Hands backends their ways to run commands, so that they need not know each other: `local` and `ssh:HOST`."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from crashcart.backends import registry
from crashcart.backends.contract import CommandRunner, Context, HostCommands
from crashcart.backends.errors import BadIdentifier, Unsupported
from crashcart.backends.text import clean, node_name

from .backend_options import convert
from .identity import NodeNames
from .session import ClusterSession

SSH = "ssh"


class SessionLinks:
    """The links of one cluster. All its SSH goes through one object, so that backends share its connections."""

    def __init__(self, cluster: ClusterSession) -> None:
        self.cluster = cluster
        self._ssh: Any = None
        self._local: CommandRunner | None = None

    def context(self, options: Any) -> Context:
        """What a backend of this cluster is made from."""
        names = NodeNames(self.cluster.node_rules).canonical
        return Context(self.cluster.name, options, self, {"ssh_host": self.cluster.ssh_host}, names)

    def runner(self, via: str) -> CommandRunner:
        """The runner for `local` or `ssh:HOST`. Raises Unsupported for anything else."""
        if via == "local":
            return self._local_runner()
        kind, _, host = via.partition(":")
        if kind != SSH:
            raise Unsupported(f"commands run via local or ssh:HOST, not via {clean(via, limit=80)!r}")
        try:
            node_name(host)
        except BadIdentifier as error:
            raise Unsupported(f"via = {clean(via, limit=80)!r}: {error}") from error
        powers = self.ssh_powers()
        if not isinstance(powers, HostCommands):
            raise Unsupported("the ssh backend runs no commands on hosts with this configuration")
        return powers.host_runner(host)

    def ssh_powers(self) -> object | None:
        """The powers of the ssh backend, made once. Raises Unsupported when it is not installed or misconfigured."""
        if self._ssh is None:
            backend = registry.load(SSH)
            self._ssh = backend.powers(self.context(convert(backend, self.cluster.backends.get(SSH, {}))))
        found: object | None = self._ssh
        return found

    async def close(self) -> None:
        """Let go of all connections; may be called twice."""
        await close_quietly(self._ssh)
        self._ssh = None

    def _local_runner(self) -> CommandRunner:
        if self._local is None:
            from crashcart.backends.local import LocalRunner

            self._local = LocalRunner()
        return self._local


async def close_quietly(holder: object | None) -> None:
    """Await `holder.close()` where there is one: closing is no part of the powers' Protocols."""
    close = getattr(holder, "close", None)
    ended = close() if callable(close) else None
    if isinstance(ended, Awaitable):
        await ended
