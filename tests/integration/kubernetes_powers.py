"""Powers over the test's cluster, as the executor has them, for one of its users."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from crashcart.backends.contract import Context, Links
from crashcart.backends.errors import Unsupported
from crashcart.backends.kubernetes.options import Options
from crashcart.backends.kubernetes.powers import KubernetesPowers

from .kubernetes_cluster import KubernetesCluster


class NoLinks(Links):
    """Nothing here runs commands."""

    def runner(self, via: str) -> Any:
        raise Unsupported(f"no runner for {via}")


def host_name(own: str) -> str:
    """The site's rule of these tests: `gpu-0001` of Kubernetes is `gpu0001` to everybody else."""
    return own.replace("-", "")


@contextmanager
def powers_of(kubernetes: KubernetesCluster, user: str = "oncall", **options: Any) -> Iterator[KubernetesPowers]:
    """The powers of a user; `options` are those of the table."""
    table = Options(**{"kubeconfig": str(kubernetes.kubeconfig), "context": user, **options})
    powers = KubernetesPowers(Context("k8s", table, NoLinks(), node_name=host_name))
    try:
        yield powers
    finally:
        powers.close()
