"""Slurm through its own commands, here or on a login node over SSH."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from .options import Options

if TYPE_CHECKING:
    from crashcart.backends.contract import Context

    from .feed import SlurmFeed
    from .powers import SlurmPowers


class SlurmBackend:
    """Backend `slurm`; see the contract."""

    name = "slurm"
    options = Options

    def found(self) -> bool:
        """Slurm's commands are on this machine."""
        return shutil.which("scontrol") is not None and shutil.which("squeue") is not None

    def feed(self, context: Context) -> SlurmFeed:
        """Nodes, jobs and partitions."""
        from .feed import SlurmFeed

        return SlurmFeed(context)

    def powers(self, context: Context) -> SlurmPowers:
        """Drain, resume, reboot; requeue, hold, release, cancel; checkpoints."""
        from .powers import SlurmPowers

        return SlurmPowers(context)


BACKEND = SlurmBackend()
