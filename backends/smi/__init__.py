"""GPUs of nodes asked over SSH with nvidia-smi or amd-smi: what stands in where metrics are missing or stale."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .options import Options

if TYPE_CHECKING:
    from crashcart.backends.contract import Context

    from .feed import SmiFeed
    from .memory import Memory


class SmiBackend:
    """Backend `smi`; see the contract."""

    name = "smi"
    options = Options

    def __init__(self) -> None:
        self._memories: dict[str, Memory] = {}

    def found(self) -> bool:
        """Never by itself: logging in to nodes is for the configuration to ask for."""
        return False

    def feed(self, context: Context) -> SmiFeed:
        """GPU rows and columns of the nodes that somebody looks at, and of those that are always asked."""
        from .feed import SmiFeed
        from .memory import Memory

        return SmiFeed(context, self._memories.setdefault(context.cluster, Memory()))

    def powers(self, context: Context) -> None:
        """It changes nothing."""


BACKEND = SmiBackend()
