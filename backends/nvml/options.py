"""The table `[cluster.NAME.nvml]`."""

from __future__ import annotations

import msgspec

from crashcart.backends.text import NODE_NAME


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How this machine's GPUs are read. Times are seconds.

    `host` is what the cluster calls this machine (default: its short host name), `library` the path of
    libnvidia-ml.so.1 where the loader does not find it. A driver that has not answered within `timeout_seconds` is
    shown as one that hangs.
    """

    interval_seconds: float = 2.0
    timeout_seconds: float = 5.0
    host: str | None = None
    library: str | None = None

    def __post_init__(self) -> None:
        for name, most in (("interval_seconds", 3600.0), ("timeout_seconds", 25.0)):
            if not 0.1 <= getattr(self, name) <= most:
                raise ValueError(f"{name}: between 0.1 and {most:g}")
        if self.host is not None and not NODE_NAME.match(self.host):
            raise ValueError("host: a node's name")
        if self.library is not None and not self.library.startswith("/"):
            raise ValueError("library: an absolute path")
