"""Nodes, pods, jobs and queues of Kubernetes, its evictions and its own permissions, through the official client."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from .options import Options

if TYPE_CHECKING:
    from crashcart.backends.contract import Context

    from .feed import KubernetesFeed
    from .powers import KubernetesPowers


class KubernetesBackend:
    """Backend `kubernetes`; see the contract."""

    name = "kubernetes"
    options = Options

    def found(self) -> bool:
        """There is a kubeconfig for this user, or a service account of the pod that we run in."""
        named = os.environ.get("KUBECONFIG", "").split(os.pathsep)
        files = [Path(part).expanduser() for part in named if part] or [Path("~/.kube/config").expanduser()]
        return any(file.is_file() for file in files) or "KUBERNETES_SERVICE_HOST" in os.environ

    def feed(self, context: Context) -> KubernetesFeed:
        """Nodes, pods, jobs, queues, budgets and events."""
        from .feed import KubernetesFeed

        return KubernetesFeed(context)

    def powers(self, context: Context) -> KubernetesPowers:
        """Cordon, evict; hold, release, requeue, cancel; checkpoints, logs; and what we may do."""
        from .powers import KubernetesPowers

        return KubernetesPowers(context)


BACKEND = KubernetesBackend()
