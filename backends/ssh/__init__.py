"""SSH: how other backends reach commands on other machines, shells on nodes, and read-only checks of nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .options import Options

if TYPE_CHECKING:
    from crashcart.backends.contract import Context

    from .powers import SshPowers


class SshBackend:
    """Backend `ssh`; see the contract. It reads nothing by itself."""

    name = "ssh"
    options = Options

    def found(self) -> bool:
        """Never by itself: it is a way to places, not a source."""
        return False

    def feed(self, context: Context) -> None:
        """There is nothing to watch."""

    def powers(self, context: Context) -> SshPowers:
        """Shells on nodes and commands on nodes."""
        from .powers import SshPowers

        return SshPowers(context.options)


BACKEND = SshBackend()
