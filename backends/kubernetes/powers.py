"""Changes a Kubernetes cluster and reads it back, by the requests that kubectl would make."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from crashcart.backends.contract import (
    Change,
    CheckpointFile,
    CommandResult,
    Context,
    Picture,
    SignalTarget,
)
from crashcart.backends.errors import Malformed, Unsupported
from crashcart.backends.model import Job, Node
from crashcart.backends.pods import Pod, PodHit
from crashcart.backends.text import WORKLOAD_ID, node_name
from crashcart.backends.text import reason as checked_reason

from . import cordon, pod_files, signals
from .asking import Asking
from .client import KubernetesClient
from .eviction import Eviction
from .exec_stream import PodCommands
from .job_changes import Aim, JobChanges
from .kubectl import Kubectl
from .node_pods import NodePods
from .outcome import outcome
from .pod_hits import pod_hits
from .reading import Reading
from .reviews import first_refusal, introduced, myself
from .rights import job_rights, node_rights
from .served import Served
from .site import SOURCE, Site
from .suspension import Suspension

Tell = Callable[[str], None]


class KubernetesPowers:
    """Verbs and readings; building a change does no I/O, and binds it to what the last reading showed."""

    plane = SOURCE

    def __init__(self, context: Context) -> None:
        self._context = context
        self._asking = Asking(KubernetesClient(context.options))
        self._served = Served(self._asking)
        self._reading = Reading(self._asking, context, self._served)
        self._site = Site(context, self._asking.client.clock)
        self._kubectl = Kubectl(context.options)
        self._jobs = JobChanges(self._reading, self._kubectl)

    def close(self) -> None:
        """Let go of connections; may be called twice."""
        self._asking.close()

    # reading

    async def observe(self) -> Picture:
        """The whole cluster, afresh; what we may not read is in `unread`."""
        return await self._reading.all()

    async def observe_nodes(self, names: Sequence[str]) -> tuple[Node, ...]:
        """The named nodes, afresh; names that are not there are left out."""
        return await self._reading.nodes([node_name(name) for name in names]) if names else ()

    async def observe_jobs(self, ids: Sequence[str]) -> tuple[Job, ...]:
        """The named jobs, afresh; jobs that are gone are left out."""
        wanted = [job for job in ids if WORKLOAD_ID.match(job)]
        return await self._reading.jobs(wanted) if wanted else ()

    async def log_tail(self, job: Job, *, lines: int) -> str:
        """The last lines of the first container of its first pod: of one that runs, else of any."""
        pods = self._reading.seen.pods.get(job.id) or []
        pod = next((one for one in pods if one.phase == "RUNNING"), pods[0] if pods else None)
        if pod is None or not pod.containers:
            raise Unsupported(f"{job.id} has no pod, and what its last one printed went with it")
        path = f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}/log"
        query = (("container", pod.containers[0]), ("tailLines", str(lines)))
        reply = await self._asking.get(path, query=query, what=f"log of {pod.namespace}/{pod.name}")
        return reply.body.decode("utf-8", "replace")

    # who we are

    async def acting_as(self) -> str:
        """`oncall (groups: oncall, system:authenticated)`."""
        return introduced(await myself(self._asking))

    async def refusal(self, verb: str, target: str) -> str | None:
        """Why the API server would refuse this verb on a node or a job; None when it would not."""
        if WORKLOAD_ID.match(target):
            aim = self._jobs.aim(target)
            return await first_refusal(self._asking, job_rights(verb, aim.place, aim.workload))
        places = self._reading.seen.namespaces.get(target, ())
        return await first_refusal(self._asking, node_rights(verb, self._own(target), places))

    # nodes

    def drain(self, node: str, reason: str) -> Change:
        """No new pods on the node; those that are there stay."""
        own, text = self._own(node), checked_reason(reason)
        by = cordon.who(text, self._context.reason_prefix)
        return self._change(node, self._kubectl.cordon(own, by, text), "cordon", node, own, by, text)

    def resume(self, node: str) -> Change:
        """Back into service, without our marks."""
        own = self._own(node)
        return self._change(node, self._kubectl.uncordon(own), "uncordon", node, own)

    def reboot(self, node: str, reason: str) -> Change:
        """Raises Unsupported."""
        raise Unsupported(f"{node}: nothing reboots nodes through the Kubernetes API")

    async def pods_on(self, node: str) -> tuple[PodHit, ...]:
        """Every pod of the node and what evicting it would do. Raises BackendError."""
        if node_name(node) not in self._reading.seen.nodes and not await self._reading.nodes([node]):
            raise Unsupported(f"{self._context.cluster} knows no node {node}")
        return await pod_hits(self._asking, self._pods(self._own(node)), self._site, time.time())

    def evict(self, node: str, pods: Sequence[Pod], *, seconds: float, once: bool) -> Change:
        """Evict these pods, again and again while budgets block, or once."""
        own = self._own(node)
        names = tuple(f"{pod.namespace}/{pod.name}" for pod in pods)
        text = self._kubectl.drain(own, 1.0 if once else seconds)
        return self._change(node, text, "evict", own, "once" if once else "again", *names, seconds=seconds)

    # jobs

    def hold(self, job: str) -> Change:
        return self._jobs.hold(job)

    def release(self, job: str) -> Change:
        return self._jobs.release(job)

    def requeue(self, job: str) -> Change:
        return self._jobs.requeue(job)

    def requeue_hold(self, job: str) -> Change:
        return self._jobs.requeue_hold(job)

    def cancel(self, job: str) -> Change:
        return self._jobs.cancel(job)

    def signal(self, job: str, signal: str, target: SignalTarget) -> Change:
        return self._jobs.signal(job, signal, target)

    async def caught_signals(self, job: Job, target: SignalTarget) -> frozenset[str] | None:
        """Signals handled by every process that `target` reaches in its first pod; None when it cannot be read."""
        pods = self._jobs.running_pods(job.id)
        return await signals.caught_signals(self._asking, pods[0], target, self._jobs.main_process(pods))

    async def checkpoint_files(self, job: Job, directory: str) -> tuple[CheckpointFile, ...]:
        """Files below `directory` as the first container of its first pod sees them. Raises BackendError."""
        pod = self._jobs.running_pods(job.id)[0]
        return await pod_files.files(self._commands(pod.namespace, pod.name, pod.containers[0]), directory)

    # changing

    async def apply(self, change: Change, *, timeout: float) -> CommandResult:  # noqa: ASYNC109
        """Run a change. Raises Unreachable when nothing was sent, Denied when the server does not know us."""
        return await self.apply_telling(change, timeout=timeout, told=lambda news: None)

    async def apply_telling(
        self,
        change: Change,
        *,
        timeout: float,  # noqa: ASYNC109
        told: Tell,
    ) -> CommandResult:
        """Like `apply`; tells how far an eviction, or the stopping of a job, has come."""
        match change.argv:
            case ("evict", own, how, *names):
                places = [(name.partition("/")[0], name.partition("/")[2]) for name in names]
                eviction = Eviction(self._asking, self._pods(own), places, how == "once", told)
                return await eviction.run(timeout)
            case ("stop", *words):
                return await self._suspension(words).stop(told, timeout)
            case ("requeue", *words):
                return await self._suspension(words).requeue(told, timeout)
        try:
            async with asyncio.timeout(timeout):
                return await self._apply_at_once(change.argv, told)
        except TimeoutError:
            return CommandResult("unknown", None, detail=f"no answer within {timeout:.0f} s")

    async def _apply_at_once(self, argv: Sequence[str], told: Tell) -> CommandResult:
        match argv:
            case ("cordon", node, own, by, text):
                return await self._change_node(node, own, cordon.out_of_service(by, text))
            case ("uncordon", node, own):
                return await self._change_node(node, own, cordon.back_in_service())
            case ("hold", *words):
                return await self._suspension(words).hold()
            case ("release", *words):
                return await self._suspension(words).suspend(False)
            case ("delete", *words):
                return await self._delete(Aim.of(words))
            case ("signal", namespace, container, count, *words):
                command, pods = words[: int(count)], words[int(count) :]
                return await signals.send(self._asking, namespace, pods, container, command, told)
        raise Malformed(f"{argv!r} is no change of Kubernetes")

    async def _change_node(self, node: str, own: str, change: dict[str, object]) -> CommandResult:
        return await cordon.change_node(self._asking, self._reading.seen.nodes.get(node), own, change)

    def _suspension(self, words: Sequence[str]) -> Suspension:
        aim = Aim.of(words)
        return Suspension(self._asking, self._served, aim.place, aim.uid, aim.workload)

    async def _delete(self, aim: Aim) -> CommandResult:
        place = aim.place
        path = f"{await self._served.path(place.kind.group, place.kind.resource, place.namespace)}/{place.name}"
        body = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Foreground",
            **({"preconditions": {"uid": aim.uid}} if aim.uid else {}),
        }
        return await outcome(self._asking.delete(path, body, what=str(place)), self._asking.client, str(place))

    def _own(self, node: str) -> str:
        return self._reading.own_name(node_name(node))

    def _pods(self, own: str) -> NodePods:
        return NodePods(self._asking, own, self._context.options.namespaces)

    def _commands(self, namespace: str, pod: str, container: str) -> PodCommands:
        return PodCommands(self._asking, namespace, pod, container)

    def _change(self, target: str, text: str, *argv: str, seconds: float | None = None) -> Change:
        return Change(target, text, argv, where=SOURCE, plane=SOURCE, seconds=seconds)
