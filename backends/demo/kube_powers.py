"""Every verb on the Kubernetes half of the simulated cluster, as a kubectl command that the simulation understands."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import msgspec

from crashcart.backends.contract import Change, CommandResult, Context, Picture
from crashcart.backends.errors import BadIdentifier, Unsupported
from crashcart.backends.model import Job, Node
from crashcart.backends.pods import Budget, Pod, PodHit
from crashcart.backends.text import node_name, workload_id
from crashcart.backends.text import reason as plain_reason

from .client import WorldLink
from .kube_entities import SOURCE
from .protocol import KubeSeen, ObserveKube
from .running import run_in_world

KINDS = {"deployment": "deployment", "pytorchjob": "pytorchjob", "pod": "pod"}


class DemoKubePowers:
    """Powers of the plane `kubernetes`. Building a change does no I/O."""

    plane = SOURCE

    def __init__(self, context: Context) -> None:
        self._cluster = context.cluster
        self._link = WorldLink(context.options)

    async def close(self) -> None:
        """Let go of the simulation; may be called twice."""
        await self._link.close()

    # Observer

    async def observe(self) -> Picture:
        seen = await self._ask(None, None)
        return Picture(seen.nodes, seen.jobs, seen.queues, seen.when, pods=seen.pods)

    async def observe_nodes(self, names: Sequence[str]) -> tuple[Node, ...]:
        return (await self._ask(tuple(map(node_name, names)), ())).nodes

    async def observe_jobs(self, ids: Sequence[str]) -> tuple[Job, ...]:
        return (await self._ask((), tuple(map(workload_id, ids)))).jobs

    async def _ask(self, nodes: tuple[str, ...] | None, jobs: tuple[str, ...] | None) -> KubeSeen:
        """What is there, with the cluster's name."""
        seen = await self._link.ask(ObserveKube(nodes, jobs), KubeSeen)
        of = {"cluster": self._cluster}
        return KubeSeen(
            seen.when,
            tuple(msgspec.structs.replace(node, **of) for node in seen.nodes),
            tuple(msgspec.structs.replace(job, **of) for job in seen.jobs),
            tuple(msgspec.structs.replace(queue, **of) for queue in seen.queues),
            tuple(msgspec.structs.replace(pod, **of) for pod in seen.pods),
            tuple(msgspec.structs.replace(budget, **of) for budget in seen.budgets),
        )

    # Applier

    async def apply(self, change: Change, *, timeout: float) -> CommandResult:  # noqa: ASYNC109
        return await run_in_world(self._link, "", change.argv, timeout)

    # NodeMaintainer

    def drain(self, node: str, reason: str) -> Change:
        name, why = node_name(node), plain_reason(reason)
        marks = shlex.join(("annotate", "node", name, "--overwrite", f"crashcart.io/cordoned-reason={why}"))
        return _change(name, f"kubectl cordon {name} && kubectl {marks}", "cordon", name, why)

    def resume(self, node: str) -> Change:
        name = node_name(node)
        return _change(name, f"kubectl uncordon {name}", "uncordon", name)

    def reboot(self, node: str, reason: str) -> Change:
        raise Unsupported("Kubernetes reboots no nodes")

    # Evictor

    async def pods_on(self, node: str) -> tuple[PodHit, ...]:
        seen = await self._ask((node_name(node),), ())
        return tuple(_hit(pod, seen.budgets) for pod in seen.pods)

    def evict(self, node: str, pods: Sequence[Pod], *, seconds: float, once: bool) -> Change:
        name = node_name(node)
        flags = ("--ignore-daemonsets", "--delete-emptydir-data", "--force", f"--timeout={0 if once else seconds:.0f}s")
        text = shlex.join(("kubectl", "drain", name, *flags))
        return msgspec.structs.replace(_change(name, text, "drain", name, *flags), seconds=seconds)

    # JobControl

    def requeue(self, job: str) -> Change:
        """Suspended and let go again: its pods end, and others start in their place."""
        return self._suspend(job, "true", "false")

    def requeue_hold(self, job: str) -> Change:
        return self._suspend(job, "true")

    def hold(self, job: str) -> Change:
        return self._suspend(job, "true")

    def release(self, job: str) -> Change:
        return self._suspend(job, "false")

    def cancel(self, job: str) -> Change:
        namespace, kind, name = _parts(job)
        words = ("-n", namespace, "delete", kind, name)
        return _change(job, shlex.join(("kubectl", *words)), *words)

    def _suspend(self, job: str, *wanted: str) -> Change:
        namespace, kind, name = _parts(job)
        bodies = [f'{{"spec":{{"suspend":{value}}}}}' for value in wanted]
        commands = [("-n", namespace, "patch", kind, name, "-p", body) for body in bodies]
        text = " && ".join(shlex.join(("kubectl", *words)) for words in commands)
        again = ("--then", bodies[1]) if len(bodies) > 1 else ()
        return _change(job, text, *commands[0], *again)


def _parts(job: str) -> tuple[str, str, str]:
    """Namespace, kind and name of `NAMESPACE/NAME.KIND`."""
    namespace, _, rest = workload_id(job).partition("/")
    name, dot, kind = rest.rpartition(".")
    if not dot:
        return namespace, "job", rest
    if kind not in KINDS:
        raise BadIdentifier(f"{job!r} names no kind of workload that there is here")
    return namespace, KINDS[kind], name


def _hit(pod: Pod, budgets: tuple[Budget, ...]) -> PodHit:
    for budget in budgets:
        if budget.namespace == pod.namespace and budget.selector in (pod.labels or ()) and budget.allowed == 0:
            return PodHit(
                pod, "blocked", f"budget {budget.name} needs {budget.desired} healthy pods and has {budget.healthy}"
            )
    return PodHit(pod, "evicts", "" if pod.owner else "a bare pod: nothing makes it again")


def _change(target: str, text: str, *words: str) -> Change:
    return Change(target=target, text=text, argv=("kubectl", *words), where="demo", plane=SOURCE)
