"""The table `[cluster.NAME.kubernetes]`."""

from __future__ import annotations

import re

import msgspec

_NAMESPACE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")
_LABEL = re.compile(r"(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?\Z")
_MOST_NAMESPACES = 16

RACK_LABELS = ("topology.kubernetes.io/rack", "topology.k8s.aws/network-node-layer-2", "rack")
SWITCH_LABELS = ("topology.kubernetes.io/switch", "topology.k8s.aws/network-node-layer-3", "switch")
USER_LABELS = ("crashcart.io/user", "app.kubernetes.io/created-by", "user")
GPU_RESOURCES = ("nvidia.com/gpu", "nvidia.com/gpu.shared", "nvidia.com/mig-*", "amd.com/gpu", "google.com/tpu")
INDEX_ANNOTATIONS = ("crashcart.io/gpu-indexes", "volcano.sh/gpu-index")


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which cluster of which kubeconfig, as whom, and what its labels mean.

    Without `kubeconfig` the files of KUBECONFIG are read, else ~/.kube/config; where there is none, the service
    account of the pod that we run in. `impersonate` is a user to act as, as `kubectl --as` does. `namespaces` limits
    pods, jobs and queues, for who may not list all. The first of `rack_labels`, `switch_labels` (of nodes) and
    `user_labels` (labels or annotations of jobs and pods) that is there counts. `gpu_resources` are counted beside the
    usual ones; `*` at an end stands for anything. `gpu_index_annotations` of pods hold the indexes of their GPUs,
    `0,1`. Times are seconds; changes reach the screen every `interval_seconds`.
    """

    context: str | None = None
    kubeconfig: str | None = None
    namespaces: tuple[str, ...] = ()
    impersonate: str | None = None
    interval_seconds: float = 1.0
    timeout_seconds: float = 10.0
    rack_labels: tuple[str, ...] = RACK_LABELS
    switch_labels: tuple[str, ...] = SWITCH_LABELS
    user_labels: tuple[str, ...] = USER_LABELS
    gpu_resources: tuple[str, ...] = ()
    gpu_index_annotations: tuple[str, ...] = INDEX_ANNOTATIONS

    def __post_init__(self) -> None:
        if not 0.25 <= self.interval_seconds <= 60.0:
            raise ValueError("interval_seconds: between 0.25 and 60")
        if not 1.0 <= self.timeout_seconds <= 120.0:
            raise ValueError("timeout_seconds: between 1 and 120")
        for name in ("context", "kubeconfig", "impersonate"):
            value = getattr(self, name)
            if value is not None and (not value.strip() or not value.isprintable()):
                raise ValueError(f"{name}: a name, or leave it away")
        self._check_namespaces()
        self._check_labels()

    def _check_labels(self) -> None:
        for option in ("rack_labels", "switch_labels", "user_labels", "gpu_index_annotations"):
            for label in getattr(self, option):
                if not _LABEL.match(label):
                    raise ValueError(f"{option}: {label!r} is no name of a label")
        for resource in self.gpu_resources:
            if not _LABEL.match(resource.removesuffix("*").rstrip("-./") or "*"):
                raise ValueError(
                    f"gpu_resources: {resource!r} is no resource, such as example.com/gpu or example.com/mig-*"
                )

    def _check_namespaces(self) -> None:
        if len(self.namespaces) > _MOST_NAMESPACES:
            raise ValueError(
                f"namespaces: at most {_MOST_NAMESPACES}, each is watched by itself; leave it away for all"
            )
        if len(set(self.namespaces)) < len(self.namespaces):
            raise ValueError("namespaces: one is named twice")
        for namespace in self.namespaces:
            if not _NAMESPACE.match(namespace):
                raise ValueError(f"namespaces: {namespace!r} is no namespace")

    @property
    def all_gpu_resources(self) -> tuple[str, ...]:
        """What counts as a GPU; `*` at an end stands for anything."""
        return (*GPU_RESOURCES, *self.gpu_resources)
