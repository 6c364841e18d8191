"""The kubernetes backend keeps every promise of the contract, with a cluster behind it whose texts would do harm."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from crashcart.backends.kubernetes import BACKEND
from crashcart.backends.testing import BackendCase, BackendCompliance
from tests.fakes.kubeapi.objects.jobs import budget, job
from tests.integration.kubernetes_cluster import KubernetesCluster
from tests.integration.kubernetes_feeding import context

ESCAPES = "\x1b]0;owned\x07\u202edne\nline"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[KubernetesCluster, str]]:
    """A node, the one job that runs on it, and texts in every place that takes free text."""
    with KubernetesCluster(tmp_path_factory.mktemp("kubernetes")) as running:
        (name,) = running.make_nodes(1, annotations={"crashcart.io/cordoned-by": ESCAPES, "note": ESCAPES})
        notes = {"crashcart.io/checkpoint": f"signal=USR1{ESCAPES}", "crashcart.io/user": ESCAPES}
        running.create(job("llm-7b", gpus=2, annotations=notes))
        running.create(budget("llm-7b", match={"app": "llm-7b"}, min_available=1))
        running.running("app=llm-7b", 1)
        running.patch("nodes", name, {"spec": {"unschedulable": True}})
        yield running, name


class TestKubernetes(BackendCompliance):
    @pytest.fixture
    def backend_case(self, cluster: tuple[KubernetesCluster, str]) -> BackendCase:
        running, name = cluster
        return BackendCase(
            backend=BACKEND,
            context=context(running),
            kinds=("node", "pod", "job", "queue", "budget", "event", "check"),
            node=name,
            job=f"{running.namespace}/llm-7b",
            any_job="train/llm",
            broken=context(running, kubeconfig=str(running.home / "none")),
            table={"kubeconfig": str(running.kubeconfig), "context": "admin", "namespaces": ["train"]},
        )
