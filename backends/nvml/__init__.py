"""GPUs of this machine through NVIDIA's own library, where nothing exports them or the exporter is what is broken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .options import Options

if TYPE_CHECKING:
    from crashcart.backends.contract import Context

    from .feed import NvmlFeed
    from .memory import Memory


class NvmlBackend:
    """Backend `nvml`; see the contract."""

    name = "nvml"
    options = Options

    def __init__(self) -> None:
        self._memories: dict[tuple[str, str | None], Memory] = {}

    def found(self) -> bool:
        """NVIDIA's library is on this machine."""
        import ctypes

        try:
            ctypes.CDLL("libnvidia-ml.so.1")
        except OSError:
            return False
        return True

    def feed(self, context: Context) -> NvmlFeed:
        """GPU rows, columns and owners of this machine, and how the driver is."""
        from .feed import NvmlFeed
        from .memory import Memory

        options: Options = context.options
        slot = (context.cluster, options.library)
        return NvmlFeed(context, self._memories.setdefault(slot, Memory()))

    def powers(self, context: Context) -> None:
        """It changes nothing."""


BACKEND = NvmlBackend()
