"""The table `[cluster.NAME.slurm]`."""

from __future__ import annotations

import msgspec


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How to reach slurmctld: by its own commands, here or on a login node.

    `via` is `local` or `ssh:HOST`; `env` is added to every command (`SLURM_CONF`); `bin_dir` is where the commands are
    when they are not on PATH. Times are seconds.
    """

    via: str = "local"
    env: dict[str, str] = {}
    bin_dir: str | None = None
    interval_seconds: float = 5.0
    timeout_seconds: float = 20.0

    def __post_init__(self) -> None:
        if self.via != "local" and not self.via.removeprefix("ssh:"):
            raise ValueError("via: write local or ssh:HOST")
        if self.via != "local" and not self.via.startswith("ssh:"):
            raise ValueError(f"via: {self.via!r} is not local or ssh:HOST")
        if not 1.0 <= self.interval_seconds <= 3600.0:
            raise ValueError("interval_seconds: between 1 and 3600")
        if not 1.0 <= self.timeout_seconds <= 300.0:
            raise ValueError("timeout_seconds: between 1 and 300")
