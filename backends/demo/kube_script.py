"""What runs in the Kubernetes half when the demonstration begins, and what its planes disagree about."""

from __future__ import annotations

from collections.abc import Callable

from .kube_half import KubeHalf
from .kube_state import SimBudget, SimCordon, SimWorkload
from .state import SimNode

HOUR = 3600.0
SENTINEL = "nvsentinel"
XID = "GpuXidError: XID 79 on GPU 3 (PCI 0000:5d:00), recommended action: reboot"


class KubeScript:
    """Fills the half; an incident adds what goes wrong."""

    def __init__(self, half: KubeHalf) -> None:
        self._half = half
        self._now = half.sim.now

    def play(self, *, is_incident: bool) -> None:
        """Everything at once; nothing where there is no half."""
        if not self._half.nodes:
            return
        if is_incident:
            self._quarantine()
        self._serve(on_drained=is_incident)
        self._half.add(
            self._workload("Job", "research", "llama-sft", "mchen", self._pods(), 4, hours_ago=5.2, kueue=True)
        )
        self._half.add(self._workload("Pod", "dev", "notebook", "sofia", 1, 1, hours_ago=26.0))
        waiting = self._workload("PyTorchJob", "research", "eval-sweep", "tariq", 3, 8, hours_ago=0.6)
        waiting.never_fits = f"{len(self._half.nodes)} Insufficient nvidia.com/gpu, 1 untolerated taint"
        self._half.add(waiting)
        held = self._workload("Job", "batch", "embed-nightly", "lena", 4, 2, hours_ago=2.0, kueue=True)
        held.is_suspended = True
        self._half.add(held)

    def _pods(self) -> int:
        """A few, some more on a large cluster."""
        return min(32, max(2, len(self._half.nodes) // 16))

    def _workload(
        self, kind: str, namespace: str, name: str, user: str, pods: int, gpus: int, *, hours_ago: float,
        kueue: bool = False,
    ) -> SimWorkload:  # fmt: skip
        queue = f"{namespace}/gpus" if kueue else None
        load = {"Deployment": "serve", "Pod": "light"}.get(kind, "train")
        submitted = self._now - hours_ago * HOUR
        return SimWorkload(kind, namespace, name, user, submitted, pods, gpus, queue, kueue, load=load)

    def _quarantine(self) -> None:
        """A node that NVSentinel took out of Kubernetes, and that Slurm goes on using."""
        idle = self._first(lambda node: not node.flags and not node.is_down and not node.gpus_used)
        if idle is not None:
            self._half.cordon(idle.name, SimCordon(XID, SENTINEL, self._now - 0.3 * HOUR, XID))

    def _serve(self, *, on_drained: bool) -> None:
        """An inference service whose budget lets nothing go; one of its pods is on a node that Slurm has drained."""
        service = self._workload("Deployment", "serving", "rerank", "platform", 2, 2, hours_ago=190.0)
        self._half.add(service)
        self._half.add_budget(SimBudget("serving", "rerank", "rerank", 2))
        self._half.add_budget(SimBudget("research", "llama-sft", "llama-sft", 1))
        drained = self._first(lambda node: "DRAIN" in node.flags and not node.gpus_used) if on_drained else None
        if drained is not None and service.pods and service.pods[0].node is not None:
            self._half.move(service.pods[0], drained)

    def _first(self, wanted: Callable[[SimNode], bool]) -> SimNode | None:
        return next((node for node in reversed(self._half.nodes.values()) if wanted(node)), None)
