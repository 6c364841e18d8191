"""The slurm backend keeps every promise of the contract, with a real slurmctld behind it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from crashcart.backends.slurm import BACKEND
from crashcart.backends.testing import BackendCase, BackendCompliance
from tests.integration.slurm_cluster import NEEDED, SlurmCluster
from tests.integration.slurm_daemons import missing

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def busy_cluster() -> Iterator[tuple[SlurmCluster, str]]:
    """A small cluster and the one job that runs on it."""
    if reason := missing(*NEEDED):
        pytest.skip(f"no Slurm cluster: {reason}")
    with SlurmCluster(gpu_nodes=1) as cluster:
        yield cluster, cluster.running("--gres=gpu:h100:2", "--job-name=\x1b[31mred\nline")


class TestSlurm(BackendCompliance):
    @pytest.fixture
    def backend_case(self, busy_cluster: tuple[SlurmCluster, str]) -> BackendCase:
        cluster, job = busy_cluster
        elsewhere = {"SLURM_CONF": str(cluster.home / "none.conf")}
        return BackendCase(
            backend=BACKEND,
            context=cluster.context(),
            kinds=("node", "job", "queue"),
            node="gpu01",
            job=job,
            broken=cluster.context(env=elsewhere, timeout_seconds=1.0),
            table=cluster.table(),
        )
