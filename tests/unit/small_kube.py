"""A Kubernetes of a few nodes in memory: cordons, evicts as its budgets allow, and says what it would do."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from crashcart.backends.contract import Change, CommandResult, Picture
from crashcart.backends.errors import Unreachable
from crashcart.backends.model import Job, Node
from crashcart.backends.pods import Pod, PodHit
from tests.unit.small_cluster import NOW


def kube_node(name: str, *flags: str, gpus_used: int = 0, reason: str | None = None, by: str | None = None) -> Node:
    """A node with eight GPUs as Kubernetes lists it."""
    return Node(
        cluster="small",
        source="kubernetes",
        when=NOW,
        name=name,
        own_name=f"{name}.example",
        state="IDLE" if not gpus_used else "MIXED",
        flags=flags,
        reason=reason,
        reason_by=by,
        gpus_total=8,
        gpus_used=gpus_used,
        gpus_allocatable=8,
    )


def pod(name: str, node: str, *, gpus: int = 4, owner: str | None = "Job/llm", is_daemon: bool = False) -> Pod:
    """A running pod."""
    return Pod(
        cluster="small", source="kubernetes", when=NOW, namespace="train", name=name, phase="RUNNING", node=node,
        owner=owner, gpus=gpus, is_daemon=is_daemon,
    )  # fmt: skip


class SmallKube:
    """All powers of one plane. `blocked` maps a pod to the words of the budget that keeps it."""

    plane = "kubernetes"

    def __init__(self, nodes: Sequence[Node] = (), pods: Sequence[Pod] = (), jobs: Sequence[Job] = ()) -> None:
        self.nodes = {node.name: node for node in nodes}
        self.pods = {one.name: one for one in pods}
        self.jobs = {job.id: job for job in jobs}
        self.blocked: dict[str, str] = {}
        self.is_cut = False
        self.loses_answers = False
        self.printed = ["step 1", "loss \x1b[31m0.5\x1b[0m", "Traceback"]
        self.refusals: dict[tuple[str, str], str] = {}  # (verb, target) -> the API server's words
        self.applied: list[Change] = []

    async def observe(self) -> Picture:
        self._reach()
        return Picture(tuple(self.nodes.values()), tuple(self.jobs.values()), (), NOW, pods=tuple(self.pods.values()))

    async def observe_nodes(self, names: Sequence[str]) -> tuple[Node, ...]:
        self._reach()
        return tuple(self.nodes[name] for name in names if name in self.nodes)

    async def observe_jobs(self, ids: Sequence[str]) -> tuple[Job, ...]:
        self._reach()
        return tuple(self.jobs[job] for job in ids)

    async def acting_as(self) -> str:
        self._reach()
        return "oncall (groups: system:authenticated)"

    async def refusal(self, verb: str, target: str) -> str | None:
        self._reach()
        return self.refusals.get((verb, target))

    async def pods_on(self, node: str) -> tuple[PodHit, ...]:
        self._reach()
        return tuple(map(self._hit, (one for one in self.pods.values() if one.node == node)))

    async def log_tail(self, job: Job, *, lines: int) -> str:
        self._reach()
        return "\n".join(self.printed[-lines:])

    def drain(self, node: str, reason: str) -> Change:
        return self._change(node, "cordon", node, reason)

    def resume(self, node: str) -> Change:
        return self._change(node, "uncordon", node)

    def reboot(self, node: str, reason: str) -> Change:
        raise AssertionError("nothing reboots nodes through this API")

    def evict(self, node: str, pods: Sequence[Pod], *, seconds: float, once: bool) -> Change:
        change = self._change(node, "evict", node, *(one.name for one in pods), "once" if once else "again")
        return replace(change, seconds=seconds)

    async def apply(self, change: Change, *, timeout: float) -> CommandResult:  # noqa: ASYNC109
        return await self.apply_telling(change, timeout=timeout, told=lambda news: None)

    async def apply_telling(
        self,
        change: Change,
        *,
        timeout: float,  # noqa: ASYNC109
        told: Callable[[str], None],
    ) -> CommandResult:
        self._reach()
        self.applied.append(change)
        verb, name, *rest = change.argv
        match verb:
            case "cordon":
                self.nodes[name] = replace(self.nodes[name], flags=("CORDON",), reason=rest[0], reason_by="alice")
            case "uncordon":
                self.nodes[name] = replace(self.nodes[name], flags=(), reason=None, reason_by=None)
            case "evict":
                return self._evict(name, rest[:-1], told)
        return CommandResult("unknown" if self.loses_answers else "ok", None)

    def _evict(self, node: str, names: Sequence[str], told: Callable[[str], None]) -> CommandResult:
        kept = [name for name in names if name in self.blocked]
        for name in names:
            if name not in kept:
                del self.pods[name]
        told(f"{len(names) - len(kept)} of {len(names)} pods gone")
        held = sum(one.gpus for one in self.pods.values() if one.node == node)
        self.nodes[node] = replace(self.nodes[node], gpus_used=held, state="MIXED" if held else "IDLE")
        if kept:
            return CommandResult("failed", None, detail=f"train/{kept[0]} was not evicted: {self.blocked[kept[0]]}")
        return CommandResult("ok", None)

    def _hit(self, one: Pod) -> PodHit:
        if one.is_daemon:
            return PodHit(one, "stays", "DaemonSet")
        if one.name in self.blocked:
            return PodHit(one, "blocked", self.blocked[one.name])
        return PodHit(one, "evicts", "" if one.owner else "a bare pod: nothing makes it again")

    def _change(self, target: str, *argv: str) -> Change:
        return Change(target, f"kubectl {' '.join(argv)}", argv, where="kubernetes", plane="kubernetes")

    def _reach(self) -> None:
        if self.is_cut:
            raise Unreachable("kubernetes: the API does not answer")
