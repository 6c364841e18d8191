"""What SSH lets an operator do: shells, commands and sockets on other machines. All of it shares one pool."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crashcart.backends.contract import CommandRunner, Terminal
from crashcart.backends.streams import ByteStream
from crashcart.backends.text import node_name

from .options import Options

if TYPE_CHECKING:
    from .pool import SshPool


class SshPowers:
    """ShellOpener, HostCommands and SocketOpener."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._pool: SshPool | None = None

    def shell_text(self, host: str) -> str:
        """`ssh HOST` with the options of the table that differ from ssh_config."""
        from .runner import command_line

        given = self._options
        words = ["ssh", *(("-F", given.config) if given.config else ()), *(("-l", given.user) if given.user else ())]
        words += ["-p", str(given.port)] if given.port else []
        words += ["-i", given.identity] if given.identity else []
        words += ["-o", f"UserKnownHostsFile={given.known_hosts}"] if given.known_hosts else []
        return command_line([*words, node_name(host)])

    async def open_shell(self, host: str, *, term: str, columns: int, rows: int) -> Terminal:
        """A login shell. Raises BadIdentifier, Unreachable, Denied, Unsupported."""
        from .terminal import open_terminal

        return await open_terminal(self._shared(), node_name(host), term=term, columns=columns, rows=rows)

    def host_runner(self, host: str) -> CommandRunner:
        """Runs commands on `host`; nothing is opened yet. Raises BadIdentifier."""
        from .runner import SshRunner

        return SshRunner(self._shared(), node_name(host))

    async def open_socket(self, host: str, path: str) -> ByteStream:
        """A stream to a Unix socket there. Raises BadIdentifier, Unreachable, Denied, Unsupported."""
        from .streams import open_socket

        return await open_socket(self._shared(), node_name(host), path)

    async def close(self) -> None:
        """Close all connections; may be called twice."""
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

    def _shared(self) -> SshPool:
        if self._pool is None:
            from .pool import SshPool

            self._pool = SshPool(self._options)
        return self._pool
