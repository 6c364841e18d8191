"""Real services that the tests of this folder share; each is skipped with a reason where it is not installed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack

import pytest

from crashcart.backends.ssh.powers import SshPowers

from . import monitoring_service
from .fault_proxy import FaultProxy
from .kubernetes_cluster import KubernetesCluster
from .monitoring_stack import NEEDED as NEEDED_FOR_MONITORING
from .monitoring_stack import MonitoringStack
from .slurm_cluster import NEEDED, SlurmCluster
from .slurm_daemons import missing
from .ssh_server import SshServer, ssh_server


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


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    with ssh_server(tmp_path_factory) as running:
        yield running


@pytest.fixture
async def proxy(server: SshServer) -> AsyncIterator[FaultProxy]:
    async with FaultProxy(server.node_port) as running:
        yield running


@pytest.fixture
async def powers(server: SshServer, proxy: FaultProxy) -> AsyncIterator[SshPowers]:
    """Reaches `frail` through the proxy and every other host directly."""
    made = SshPowers(server.options(config=server.config_with({"frail": proxy.port})))
    yield made
    await made.close()


@pytest.fixture(scope="module")
def make_monitoring(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., MonitoringStack]]:
    """Starts monitorings with the arguments of MonitoringStack (`nodes=12, secure=True`); all end with the module."""
    if reason := monitoring_service.missing(*NEEDED_FOR_MONITORING):
        pytest.skip(f"no monitoring: {reason}")
    with ExitStack() as running:
        yield lambda **options: running.enter_context(MonitoringStack(tmp_path_factory.mktemp("monitoring"), **options))


@pytest.fixture(scope="module")
def monitoring_stack(make_monitoring: Callable[..., MonitoringStack]) -> MonitoringStack:
    """Three nodes of eight GPUs and all services, for one module; tests use `monitoring`."""
    return make_monitoring()


@pytest.fixture
def monitoring(monitoring_stack: MonitoringStack) -> MonitoringStack:
    """The three nodes without any fault and with every service running."""
    monitoring_stack.heal()
    return monitoring_stack


@pytest.fixture(scope="session")
def kube_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubernetesCluster]:
    """The fake Kubernetes, or the real one that CRASHCART_TEST_KUBECONFIG names; tests use `kubernetes`."""
    with KubernetesCluster(tmp_path_factory.mktemp("kubernetes")) as cluster:
        yield cluster


@pytest.fixture
def kubernetes(kube_cluster: KubernetesCluster) -> KubernetesCluster:
    """A cluster with nothing of ours in it and nothing wrong."""
    kube_cluster.clear()
    return kube_cluster
