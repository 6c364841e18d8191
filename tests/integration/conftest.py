"""Real services that the tests of this folder share; each is skipped with a reason where it is not installed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .slurm_cluster import NEEDED, SlurmCluster
from .slurm_daemons import missing


@pytest.fixture(scope="session")
def slurm_cluster() -> Iterator[SlurmCluster]:
    """One real Slurm cluster for all tests; they call `reset` or use `slurm`."""
    if reason := missing(*NEEDED):
        pytest.skip(f"no Slurm cluster: {reason}")
    with SlurmCluster() as cluster:
        yield cluster


@pytest.fixture
def slurm(slurm_cluster: SlurmCluster) -> SlurmCluster:
    """The cluster with all nodes idle and no job."""
    if not slurm_cluster.is_idle():
        slurm_cluster.reset()
    return slurm_cluster
